"""ImageNet-CoG: five times 1,000 classes, further and further away from ImageNet-1k."""

from mmpretrain.datasets import CustomDataset

from mim_secrets.registry import DATASETS

from .counting import Counted


class _Level(CustomDataset):
    def __init__(self, data_root: str, level: int, split: str = 'train', **kwargs: object) -> None:
        if split not in ('train', 'test') or level not in range(1, 6):
            raise ValueError(
                "CoGLevel: split is 'train' or 'test' and level one of 1, 2, 3, 4 and 5, and "
                f'not {split!r} and {level!r}.'
            )
        self.split = split
        super().__init__(
            data_root=data_root,
            ann_file=f'cog/l{level}_{split}.txt',
            test_mode=split == 'test',
            **kwargs,
        )


@DATASETS.register_module()
class CoGLevel(Counted, _Level):
    """Images of ImageNet-21k, ``data_root/WNID/*.JPEG``, in a list for each level.

    ``tools/dataset_converters/cog_lists.py`` makes the lists, ``data_root/cog/*.txt``,
    out of the two files of the benchmark. Sariyildiz et al., "Concept Generalization in
    Visual Representation Learning", ICCV 2021.

    Args:
        level: 1, the nearest to ImageNet-1k, to 5.
        split: 'train' or 'test', which has 50 images of each class.
        count: See ``Counted``.
    """
