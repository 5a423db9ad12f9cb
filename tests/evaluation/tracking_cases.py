"""Sequences by hand, and a tracker that knows where things are."""

from pathlib import Path

import cv2
import numpy as np
import torch

from mim_secrets.datasets.tracking import Sequence
from mim_secrets.datasets.tracking.sequence import make_sequence

SIZE = (64, 48)  # width and height of the frames


def clip(
    boxes: list | np.ndarray,
    hidden: list[int] = (),
    cover: list[float] | None = None,
    name: str = 'cup-1',
    attributes: tuple[str, ...] = (),
    benchmark: str = 'LaSOT',
    frames: list[str] | None = None,
) -> Sequence:
    """A sequence of these boxes; the frames with the numbers ``hidden``, from 0, hide it."""
    boxes = np.array(boxes, dtype=np.float64)
    flags = np.isin(np.arange(len(boxes)), hidden)
    frames = frames or [f'{number:08d}.jpg' for number in range(1, len(boxes) + 1)]
    cover = None if cover is None else np.array(cover, dtype=np.float64)
    return make_sequence(benchmark, name, frames, boxes, flags, cover, attributes)


def random_case(seed: int, frames: int = 40) -> tuple[np.ndarray, Sequence]:
    """Tracked boxes near the true ones, some of which are hidden or have no area; all lie far
    from the left and upper border."""
    random = np.random.default_rng(seed)
    true = np.concatenate(
        [random.uniform(100, 140, (frames, 2)), random.uniform(4, 20, (frames, 2))], axis=1
    )
    tracked = true + random.normal(0, 3, true.shape)
    tracked[:, 2:] = np.maximum(tracked[:, 2:], 1)
    true[7, 2:] = 0
    cover = random.integers(0, 3, frames) / 8
    hidden = list(np.flatnonzero(random.random(frames) < 0.2))
    return tracked, clip(true, hidden, cover)


def write_lasot(
    root: Path, lengths: dict[str, int], size: tuple[int, int] = SIZE
) -> dict[str, np.ndarray]:
    """A small data set in LaSOT's layout, all of it for tests; gives boxes from 0.

    Each sequence has pictures of a brightness of its own, by which a tracker knows it.
    """
    truth = {}
    for index, (name, frames) in enumerate(lengths.items()):
        folder = root / name.rpartition('-')[0] / name
        (folder / 'img').mkdir(parents=True)
        boxes = np.array([[4 + i, 6, 16, 12] for i in range(frames)], dtype=np.float64)
        for number in range(1, frames + 1):
            picture = np.full((size[1], size[0], 3), 20 * (index + 1), np.uint8)
            cv2.imwrite(str(folder / 'img' / f'{number:08d}.jpg'), picture)
        rows = boxes + [1, 1, 0, 0]
        np.savetxt(folder / 'groundtruth.txt', rows, fmt='%d', delimiter=',')
        for label in ('full_occlusion', 'out_of_view'):
            (folder / f'{label}.txt').write_text(','.join(['0'] * frames))
        truth[name] = boxes
    (root / 'testing_set.txt').write_text('\n'.join(lengths) + '\n')
    return truth


def write_got10k(root: Path, split: str, covers: dict[str, list[int]]) -> dict[str, np.ndarray]:
    """The same in GOT-10k's layout, with these labels; the test split has first boxes alone."""
    truth = {}
    for index, (name, labels) in enumerate(covers.items()):
        folder = root / split / name
        folder.mkdir(parents=True)
        boxes = np.array([[4 + i, 8, 16, 12] for i in range(len(labels))], dtype=np.float64)
        for number in range(1, len(labels) + 1):
            picture = np.full((SIZE[1], SIZE[0], 3), 20 * (index + 1), np.uint8)
            cv2.imwrite(str(folder / f'{number:08d}.jpg'), picture)
        rows = (boxes + [1, 1, 0, 0])[: 1 if split == 'test' else None]
        np.savetxt(folder / 'groundtruth.txt', rows, fmt='%.4f', delimiter=',')
        if split != 'test':
            (folder / 'cover.label').write_text('\n'.join(map(str, labels)))
            (folder / 'absence.label').write_text('\n'.join('0' for _ in labels))
        truth[name] = boxes
    (root / split / 'list.txt').write_text('\n'.join(covers) + '\n')
    return truth


class ShiftedTruth(torch.nn.Module):
    """Says the true box, ``shift`` pixels to the right from the second frame on.

    It keeps to the contract of a tracker: a sequence is known by its state alone, which
    counts frames. ``calls`` are the numbers of sequences side by side.
    """

    def __init__(self, truth: dict[str, np.ndarray], shift: float = 0.0) -> None:
        super().__init__()
        self.names, self.truth, self.shift = list(truth), truth, shift
        self.weight = torch.nn.Parameter(torch.tensor(float(shift)))
        self.calls: list[int] = []
        self.started: list[str] = []

    def start(self, frames: list[np.ndarray], boxes: list[np.ndarray]) -> list[tuple[str, int]]:
        names = [self.names[round(frame.mean() / 20) - 1] for frame in frames]
        for name, box in zip(names, boxes, strict=True):
            np.testing.assert_array_equal(box, self.truth[name][0])
        self.started += names
        return [(name, 1) for name in names]

    def track(
        self, frames: list[np.ndarray], states: list[tuple[str, int]]
    ) -> list[tuple[np.ndarray, float, tuple[str, int]]]:
        assert len(frames) == len(states)
        self.calls.append(len(frames))
        shift = np.array([self.shift, 0, 0, 0])
        return [
            (self.truth[name][number] + shift, 1.0, (name, number + 1)) for name, number in states
        ]
