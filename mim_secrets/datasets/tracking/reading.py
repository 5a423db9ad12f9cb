"""What the readers of sequences share: the index, frames in folders, files of numbers."""

import os
from abc import ABC, abstractmethod
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
from mmengine.logging import MMLogger

from .index import Columns, open_index
from .sequence import Sequence, SequenceError, make_sequence

INDEX_FOLDER = '.mim_secrets_index'


class SequenceReader(ABC):
    """Sequences of one split, read one at a time.

    Args:
        root: Folder of the data set.
        split: One of ``splits``.
        index_dir: Where the index is kept; in ``root`` if not given.
    """

    benchmark: ClassVar[str]
    splits: ClassVar[tuple[str, ...]]
    first_pixel: ClassVar[float] = 0.0  # what the files call the left edge of an image

    def __init__(self, root: str, split: str = 'train', index_dir: str | None = None) -> None:
        if split not in self.splits:
            raise ValueError(
                f'{type(self).__name__}: there is no split {split!r}; use one of '
                f'{", ".join(self.splits)}.'
            )
        self.root, self.split = Path(root), split
        if not self.root.is_dir():
            raise FileNotFoundError(
                f'{type(self).__name__}: {root} is not there; docs/en/tracking_data.md says where '
                'the data come from.'
            )
        folder = Path(index_dir) if index_dir else self.root / INDEX_FOLDER
        path = folder / f'{self.benchmark.lower()}_{split}.npz'
        self._index = open_index(path, self.state(), self.make_index)
        if not len(self):
            raise FileNotFoundError(
                f'{type(self).__name__}: {root} has no sequence of the split {split!r}; '
                'docs/en/tracking_data.md shows the folders.'
            )

    @property
    def metainfo(self) -> dict:
        return dict(benchmark=self.benchmark, split=self.split)

    def __len__(self) -> int:
        return len(self._index['names'])

    def name_at(self, index: int) -> str:
        return str(self._index['names'][index])

    def names(self) -> list[str]:
        return [str(name) for name in self._index['names']]

    def read(self, name: str) -> Sequence:
        """The sequence with this name; SequenceError where it is not usable."""
        if name not in self._places:
            raise SequenceError(f'{self.benchmark} {self.split} has no sequence {name}.')
        return self[self._places[name]]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.names())}

    @abstractmethod
    def state(self) -> str:
        """A text that changes when sequences are added or removed."""

    @abstractmethod
    def make_index(self) -> Columns:
        """``names``, and whatever else ``__getitem__`` needs to know of all sequences."""

    @abstractmethod
    def __getitem__(self, index: int) -> Sequence:
        """One sequence; SequenceError where it is not usable."""


class FolderReader(SequenceReader):
    """Sequences whose frames lie in a folder each, with a file of boxes.

    The index knows the names of the sequences, how many frames each has, and when its
    folder changed last.
    """

    first_frame: ClassVar[int] = 1
    frame_digits: ClassVar[int] = 8
    test_has_truth: ClassVar[bool] = False

    @abstractmethod
    def list_sequences(self) -> list[str]:
        """Names of the split."""

    @abstractmethod
    def frame_folder(self, name: str) -> Path:
        """Where the frames of a sequence lie."""

    @abstractmethod
    def box_file(self, name: str) -> Path:
        """Where its boxes are written down."""

    def labels(self, name: str, frames: int) -> dict:
        """What ``make_sequence`` takes beside the boxes."""
        return {}

    def make_index(self) -> Columns:
        names = self.list_sequences()
        rows = [_frames_in(self.frame_folder(name)) for name in names]
        counts, last, changed = np.array(rows, dtype=np.int64).reshape(-1, 3).T
        columns = dict(names=np.array(names, dtype=str), counts=counts, last=last, changed=changed)
        if self.split == 'train' and not counts.all():
            # A download may be partial; of a test split every sequence counts.
            missing = np.flatnonzero(counts == 0)
            MMLogger.get_current_instance().warning(
                f'{self.benchmark}: {len(missing):,} of {len(names):,} training sequences have no '
                f'frames and are left out, such as {names[missing[0]]}.'
            )
            columns = {key: column[counts > 0] for key, column in columns.items()}
        return columns

    def __getitem__(self, index: int) -> Sequence:
        name = self.name_at(index)
        frames = self._frames(index, name)
        path = self.box_file(name)
        boxes = read_numbers(path, f'{self.benchmark} {name}', columns=4)
        first_only = self.split == 'test' and not self.test_has_truth
        if first_only:
            boxes = boxes[:1]
        elif len(boxes) != len(frames):
            raise SequenceError(
                f'{self.benchmark} {name}: {path} has {len(boxes):,} boxes for {len(frames):,} '
                'frames; copy the sequence again.'
            )
        boxes[:, :2] -= self.first_pixel
        labels = {} if first_only else self.labels(name, len(frames))
        sequence = make_sequence(self.benchmark, name, frames, boxes, **labels)
        if self.split != 'train' and not sequence.valid[:1].any():
            raise SequenceError(
                f'{self.benchmark} {name}: the first box in {path} has no area, so there is '
                'nothing to track.'
            )
        return sequence

    def _frames(self, index: int, name: str) -> list[str]:
        folder = self.frame_folder(name)
        known = tuple(int(self._index[column][index]) for column in ('counts', 'last', 'changed'))
        try:
            changed = os.stat(folder).st_mtime_ns
        except OSError:
            changed = 0
        count, last, _ = known if known[2] == changed else _frames_in(folder)
        if not count:
            raise SequenceError(f'{self.benchmark} {name}: there are no frames in {folder}.')
        start, numbers = f'{folder}/', range(self.first_frame, last + 1)
        paths = [f'{start}{i:0{self.frame_digits}d}.jpg' for i in numbers]
        if len(paths) != count:
            absent = next((path for path in paths if not os.path.isfile(path)), paths[0])
            raise SequenceError(
                f'{self.benchmark} {name}: {folder} has {count:,} frames, the last of which is '
                f'number {last}, but no {os.path.basename(absent)}; copy the sequence again.'
            )
        return paths


def _frames_in(folder: Path) -> tuple[int, int, int]:
    """How many frames a folder has, the number of the last one, and when it changed."""
    try:
        changed = os.stat(folder).st_mtime_ns
        stems = [name[:-4] for name in os.listdir(folder) if name.endswith('.jpg')]
    except OSError:
        return 0, 0, 0
    numbers = [int(stem) for stem in stems if stem.isdecimal()]
    return len(numbers), max(numbers, default=0), changed


def read_numbers(path: Path, sequence: str, columns: int | None = None) -> np.ndarray:
    """The numbers of a file, between commas, blanks or line ends: (N,) or (N, columns)."""
    try:
        words = path.read_text().replace(',', ' ').split()
        numbers = np.array(words, dtype=np.float64)
    except FileNotFoundError:
        raise SequenceError(f'{sequence}: {path} is not there; copy the sequence again.') from None
    except (ValueError, OSError) as error:
        raise SequenceError(f'{sequence}: {path} cannot be read ({error}).') from None
    if columns is None:
        return numbers
    if not len(numbers) or len(numbers) % columns:
        raise SequenceError(
            f'{sequence}: {path} has {len(numbers):,} numbers, which is not {columns} for each '
            'frame; copy it again.'
        )
    return numbers.reshape(-1, columns)


def read_labels(path: Path, sequence: str, frames: int) -> np.ndarray:
    """One number for each frame."""
    labels = read_numbers(path, sequence)
    if len(labels) != frames:
        raise SequenceError(
            f'{sequence}: {path} has {len(labels):,} labels for {frames:,} frames; copy it again.'
        )
    return labels


def folder_state(*folders: Path) -> str:
    """A text that changes when something is added to one of the folders or removed."""
    states = [(str(f.name), f.stat().st_mtime_ns) for f in folders if f.is_dir()]
    return repr(states)
