"""LaSOT: 1,400 long videos of 70 classes, of which 280 are for tests."""

from pathlib import Path

from mim_secrets.registry import DATASETS

from .reading import FolderReader, folder_state, read_labels, read_numbers

# In the order of the files `annos/att/NAME.txt` of the authors' evaluation toolkit.
ATTRIBUTES = (
    'illumination variation', 'partial occlusion', 'deformation', 'motion blur', 'camera motion',
    'rotation', 'background clutter', 'viewpoint change', 'scale variation', 'full occlusion',
    'fast motion', 'out of view', 'low resolution', 'aspect ratio change',
)  # fmt: skip


@DATASETS.register_module()
class LaSOT(FolderReader):
    """``CLASS/CLASS-N/{img/00000001.jpg,groundtruth.txt,full_occlusion.txt,out_of_view.txt}``
    and ``testing_set.txt``; what is not listed there is the training split.

    Boxes count pixels from 1. A frame is hidden where the thing is fully occluded or out of
    view. Attributes are known where the toolkit's ``annos/att`` lies in the root.
    """

    benchmark = 'LaSOT'
    splits = ('train', 'test')
    first_pixel = 1.0
    test_has_truth = True

    def state(self) -> str:
        return f'{self._testing_set()} {folder_state(*self._classes())}'

    def list_sequences(self) -> list[str]:
        testing = self._testing_set()
        if self.split == 'test':
            return testing
        found = {
            path.name
            for folder in self._classes()
            for path in folder.glob(f'{folder.name}-*')
            if path.is_dir()
        }
        return sorted(found - set(testing), key=_order)

    def folder(self, name: str) -> Path:
        return self.root / name.rpartition('-')[0] / name

    def frame_folder(self, name: str) -> Path:
        return self.folder(name) / 'img'

    def box_file(self, name: str) -> Path:
        return self.folder(name) / 'groundtruth.txt'

    def labels(self, name: str, frames: int) -> dict:
        hidden = [
            read_labels(self.folder(name) / f'{file}.txt', f'LaSOT {name}', frames) > 0
            for file in ('full_occlusion', 'out_of_view')
        ]
        return dict(hidden=hidden[0] | hidden[1], attributes=self._attributes(name))

    def _attributes(self, name: str) -> tuple[str, ...]:
        path = self.root / 'annos' / 'att' / f'{name}.txt'
        if not path.is_file():
            return ()
        flags = read_numbers(path, f'LaSOT {name}', columns=len(ATTRIBUTES))[0]
        return tuple(attribute for attribute, flag in zip(ATTRIBUTES, flags) if flag > 0)

    def _classes(self) -> list[Path]:
        return sorted(p for p in self.root.iterdir() if p.is_dir() and any(p.glob(f'{p.name}-*')))

    def _testing_set(self) -> list[str]:
        path = self.root / 'testing_set.txt'
        if not path.is_file():
            raise FileNotFoundError(
                f'LaSOT: {path} is not there; it lists the test sequences and comes with the data.'
            )
        return path.read_text().split()


def _order(name: str) -> tuple[str, int]:
    """airplane-2 before airplane-10."""
    label, _, number = name.rpartition('-')
    return label, int(number) if number.isdecimal() else 0
