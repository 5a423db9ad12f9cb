"""Clips to files in the layout of LaSOT.

`CLASS/CLASS-N/{img/*.jpg,groundtruth.txt,full_occlusion.txt,out_of_view.txt,nlp.txt}`,
`testing_set.txt`, and `annos/att/CLASS-N.txt` as in the evaluation toolkit. Boxes are whole
numbers and count pixels from 1; they are zeros where nothing is visible.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from .scene import CLASSES
from .tracking import ClipPlayground, Track, box_lines, class_name, jpegs

_PARTLY = 0.8  # visible share below which a thing is partly occluded
_SCALES = 2.0  # ratio of areas from which on the size varies


@dataclass(frozen=True)
class LasotPlayground(ClipPlayground):
    """Two splits: what `testing_set.txt` lists, and the rest."""

    layout: ClassVar[str] = 'lasot'

    def counts(self) -> dict[str, int]:
        return {'train': self.train, 'test': self.test}

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        name = sequence_name(split, index)
        folder = f'{class_name(index)}/{name}'
        texts = ('groundtruth', 'full_occlusion', 'out_of_view', 'nlp')
        return (
            f'annos/att/{name}.txt',
            *(f'{folder}/{text}.txt' for text in texts),
            *(f'{folder}/img/{frame + 1:08d}.jpg' for frame in range(self.frames)),
        )

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        track = self.track(split, index)
        boxes = track.boxes + np.where(track.hidden[:, None], 0.0, (1.0, 1.0, 0.0, 0.0))
        flags = attributes(track)
        return (
            ','.join(str(int(flag)) for flag in flags).encode() + b'\n',
            box_lines(boxes, '.0f'),
            _labels(track.hidden & ~track.outside),
            _labels(track.outside),
            f'{class_name(index)} that moves over the ground\n'.encode(),
            *jpegs(track),
        )

    def lists(self, root: Path) -> dict[str, str]:
        names = [sequence_name('test', index) for index in range(self.test)]
        return {'testing_set.txt': ''.join(f'{name}\n' for name in names)}


def sequence_name(split: str, index: int) -> str:
    """Odd numbers are for training, even ones for tests."""
    number = 2 * (index // len(CLASSES)) + (2 if split == 'test' else 1)
    return f'{class_name(index)}-{number}'


def attributes(track: Track) -> np.ndarray:
    """LaSOT's fourteen flags; those that a rendered clip does not have are never set."""
    seen = ~track.hidden
    areas = track.boxes[seen, 2:].prod(1)
    inside = seen & (track.boxes[:, :2] > 0).all(1)
    flags = np.zeros(14, dtype=bool)
    flags[1] = (track.cover[inside] < _PARTLY).any()  # partial occlusion
    flags[4] = True  # camera motion
    flags[5] = True  # rotation
    flags[6] = track.clip.twins > 0  # background clutter
    flags[8] = areas.max() > _SCALES * areas.min()  # scale variation
    flags[9] = (track.hidden & ~track.outside).any()  # full occlusion
    flags[11] = track.outside.any()  # out of view
    return flags


def _labels(flags: np.ndarray) -> bytes:
    return ','.join(str(int(flag)) for flag in flags).encode()
