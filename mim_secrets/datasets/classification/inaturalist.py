"""iNaturalist 2018, 8,142 species in COCO's layout."""

import json
from pathlib import Path

from mmpretrain.datasets import BaseDataset

from mim_secrets.registry import DATASETS

from .counting import Counted


class _Annotations(BaseDataset):
    def __init__(self, data_root: str, split: str = 'train', **kwargs: object) -> None:
        if split not in ('train', 'val'):
            raise ValueError(
                f"INaturalist2018: split is 'train' or 'val', and not {split!r}; labels of "
                'the test images were never published.'
            )
        self.split = split
        super().__init__(
            ann_file=f'{split}2018.json',
            data_root=data_root,
            test_mode=split == 'val',
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        content = json.loads(Path(self.ann_file).read_text())
        categories = sorted(content['categories'], key=lambda category: category['id'])
        labels = {category['id']: label for label, category in enumerate(categories)}
        self._metainfo['classes'] = tuple(category['name'] for category in categories)
        names = {image['id']: image['file_name'] for image in content['images']}
        try:
            return [
                dict(
                    img_path=str(Path(self.data_root, names[each['image_id']])),
                    gt_label=labels[each['category_id']],
                )
                for each in content['annotations']
            ]
        except KeyError as error:
            raise ValueError(
                f'INaturalist2018: an annotation in {self.ann_file} speaks of an image or a '
                f'category {error} that the file does not have; download it again.'
            ) from error


@DATASETS.register_module()
class INaturalist2018(Counted, _Annotations):
    """``{train,val}2018.json`` beside the folder ``train_val2018``, as they unpack.

    Args:
        split: 'train' (437,513 images) or 'val' (24,426).
        count: See ``Counted``.
    """
