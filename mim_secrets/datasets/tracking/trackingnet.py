"""TrackingNet: 30,132 videos to train in twelve parts, 511 for tests by the server."""

from pathlib import Path

from mim_secrets.registry import DATASETS

from .reading import FolderReader, folder_state

_FOLDERS = ('anno', 'frames')


@DATASETS.register_module()
class TrackingNet(FolderReader):
    """``{TRAIN_0,...,TRAIN_11,TEST}/{anno/VIDEO.txt,frames/VIDEO/0.jpg}``.

    Boxes count pixels from 0. The files say nothing of hidden frames. Any of the twelve parts
    may be missing; a name is ``PART/VIDEO`` to train and ``VIDEO`` to test.
    """

    benchmark = 'TrackingNet'
    splits = ('train', 'test')
    first_frame = 0
    frame_digits = 1

    def state(self) -> str:
        return folder_state(*(part / inner for part in self._parts() for inner in _FOLDERS))

    def list_sequences(self) -> list[str]:
        names = [
            f'{part.name}/{path.stem}'
            for part in self._parts()
            for path in sorted((part / 'anno').glob('*.txt'))
        ]
        return names if self.split == 'train' else [name.partition('/')[2] for name in names]

    def frame_folder(self, name: str) -> Path:
        part, video = self._split(name)
        return self.root / part / 'frames' / video

    def box_file(self, name: str) -> Path:
        part, video = self._split(name)
        return self.root / part / 'anno' / f'{video}.txt'

    def _split(self, name: str) -> tuple[str, str]:
        return ('TEST', name) if self.split == 'test' else tuple(name.split('/', 1))

    def _parts(self) -> list[Path]:
        if self.split == 'test':
            return [self.root / 'TEST']
        return sorted(self.root.glob('TRAIN_*'), key=lambda path: (len(path.name), path.name))
