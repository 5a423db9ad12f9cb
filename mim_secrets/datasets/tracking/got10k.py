"""GOT-10k: 9,335 short videos to train, 180 to validate, 180 for tests by the server."""

from pathlib import Path

from mim_secrets.registry import DATASETS

from .reading import FolderReader, folder_state, read_labels

_COVERS = 8  # steps of the visible share


@DATASETS.register_module()
class GOT10k(FolderReader):
    """``{train,val,test}/{list.txt,NAME/00000001.jpg,NAME/groundtruth.txt}`` with
    ``absence.label``, ``cover.label`` and ``meta_info.ini`` where there is truth.

    Boxes count pixels from 1. A frame is hidden where the thing is absent or nothing of it is
    seen; the cover labels 0 to 8 become shares. Attributes are the classes of thing and motion.

    Args:
        root: Folder of the data set.
        split: 'train', 'val' or 'test', whose sequences have one box.
        exclude: A list of sequences to leave out, such as the 1,000 that VOT forbids.
        index_dir: Where the index is kept; in ``root`` if not given.
    """

    benchmark = 'GOT-10k'
    splits = ('train', 'val', 'test')
    first_pixel = 1.0

    def __init__(
        self,
        root: str,
        split: str = 'train',
        exclude: str | None = None,
        index_dir: str | None = None,
    ) -> None:
        self.exclude = frozenset(Path(exclude).read_text().split()) if exclude else frozenset()
        super().__init__(root, split, index_dir)
        if self.exclude:
            kept = [name not in self.exclude for name in self.names()]
            self._index = {
                key: column[kept] if column.ndim else column for key, column in self._index.items()
            }

    def state(self) -> str:
        return f'{self.list_sequences()} {folder_state(self.root / self.split)}'

    def list_sequences(self) -> list[str]:
        path = self.root / self.split / 'list.txt'
        if not path.is_file():
            raise FileNotFoundError(
                f'GOT-10k: {path} is not there; it lists the sequences and comes with the data.'
            )
        return path.read_text().split()

    def frame_folder(self, name: str) -> Path:
        return self.root / self.split / name

    def box_file(self, name: str) -> Path:
        return self.frame_folder(name) / 'groundtruth.txt'

    def labels(self, name: str, frames: int) -> dict:
        absence, cover = (
            read_labels(self.frame_folder(name) / f'{file}.label', f'GOT-10k {name}', frames)
            for file in ('absence', 'cover')
        )
        return dict(hidden=absence > 0, cover=cover / _COVERS, attributes=self._attributes(name))

    def _attributes(self, name: str) -> tuple[str, ...]:
        path = self.frame_folder(name) / 'meta_info.ini'
        if not path.is_file():
            return ()
        lines = (line.partition(': ') for line in path.read_text().splitlines())
        meta = {key.strip(): value.strip() for key, _, value in lines}
        found = (meta.get(key, 'None') for key in ('root_class', 'motion_class'))
        return tuple(value for value in found if value != 'None')
