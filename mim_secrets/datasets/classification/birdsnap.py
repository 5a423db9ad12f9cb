"""Birdsnap, 500 species of birds, of which links are handed out and not images."""

import csv
from pathlib import Path

from mmpretrain.datasets import BaseDataset

from mim_secrets.registry import DATASETS

from .counting import Counted


class _Lists(BaseDataset):
    def __init__(self, data_root: str, split: str = 'train', **kwargs: object) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"Birdsnap: split is 'train' or 'test', and not {split!r}.")
        self.split = split
        super().__init__(
            ann_file='images.txt',
            data_root=data_root,
            data_prefix='download/images',
            test_mode=split == 'test',
            **kwargs,
        )

    def load_data_list(self) -> list[dict]:
        species = read_table(Path(self.data_root, 'species.txt'))
        labels = {row['id']: label for label, row in enumerate(species)}
        self._metainfo['classes'] = tuple(row['common'] for row in species)
        test = {row['path'] for row in read_table(Path(self.data_root, 'test_images.txt'))}
        return [
            dict(
                img_path=str(Path(self.img_prefix, row['path'])),
                gt_label=labels[row['species_id']],
            )
            for row in read_table(Path(self.ann_file))
            if (row['path'] in test) == (self.split == 'test')
        ]


def read_table(path: Path) -> list[dict[str, str]]:
    """A dict for each line of a file with tabs and a header."""
    with path.open(newline='') as lines:
        return list(csv.DictReader(lines, delimiter='\t', quoting=csv.QUOTE_NONE))


@DATASETS.register_module()
class Birdsnap(Counted, _Lists):
    """``species.txt``, ``images.txt`` and ``test_images.txt`` of version 1.1, and
    ``download/images/SPECIES/*.jpg`` as its ``get_birdsnap.py`` puts them there.

    Many of the links are dead by now, so that hardly anybody has all 47,386 and 2,443
    images; ``count=None`` takes those that there are.

    Args:
        split: 'train' or 'test'.
        count: See ``Counted``.
    """
