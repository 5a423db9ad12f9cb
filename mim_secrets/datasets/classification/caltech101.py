"""Caltech-101 with 30 training images of each class, which nobody has listed."""

from hashlib import sha256
from pathlib import Path

from mmpretrain.datasets import BaseDataset

from mim_secrets.registry import DATASETS

from .counting import Counted


class _Folders(BaseDataset):
    def __init__(
        self, data_root: str, split: str = 'train', train_per_class: int = 30, **kwargs: object
    ) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"Caltech101: split is 'train' or 'test', and not {split!r}.")
        self.split = split
        self.train_per_class = train_per_class
        super().__init__(
            ann_file='',
            data_root=data_root,
            data_prefix='101_ObjectCategories',
            test_mode=split == 'test',
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        root = Path(self.img_prefix)
        if not root.is_dir():
            raise FileNotFoundError(2, 'No such folder', str(root))
        folders = sorted(path for path in root.iterdir() if path.is_dir())
        self._metainfo['classes'] = tuple(path.name for path in folders)
        samples = []
        for label, folder in enumerate(folders):
            images = sorted(folder.glob('*.jpg'), key=drawn)
            if len(images) <= self.train_per_class:
                raise ValueError(
                    f'Caltech101: {folder} has {len(images)} images, of which '
                    f'{self.train_per_class} are for training, so that none is left to test '
                    'on; complete the data, or set train_per_class.'
                )
            train, test = images[: self.train_per_class], images[self.train_per_class :]
            chosen = sorted(train if self.split == 'train' else test)
            samples += [dict(img_path=str(path), gt_label=label) for path in chosen]
        return samples


def drawn(path: Path) -> str:
    """A place in an order at random, the same on every machine and in every year."""
    return sha256(f'{path.parent.name}/{path.name}'.encode()).hexdigest()


@DATASETS.register_module()
class Caltech101(Counted, _Folders):
    """Images in ``data_root/101_ObjectCategories/CLASS/*.jpg``, background included.

    Kornblith et al. train on 30 images of each of 102 classes and test on the rest,
    3,060 and 6,084. Which 30, has not been published; here they are drawn by their
    names. mmpretrain's class reads lists of its own, with 6,728 test images.

    Args:
        split: 'train' or 'test'.
        train_per_class: So many images of each class are for training.
        count: See ``Counted``.
    """
