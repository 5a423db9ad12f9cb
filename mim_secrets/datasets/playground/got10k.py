"""Clips to files in the layout of GOT-10k.

`{train,val,test}/{list.txt,GOT-10k_SPLIT_NUMBER/00000001.jpg,...}` with `groundtruth.txt`,
`absence.label`, `cover.label`, `cut_by_image.label` and `meta_info.ini` beside the frames; in
the test split the first box alone. Boxes count pixels from 1.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from .tracking import ClipPlayground, Track, box_lines, class_name, jpegs

_COVERS = 8  # steps of the visible share
_NO_BOX = -1.0
_TEXTS = ('groundtruth.txt', 'absence.label', 'cover.label', 'cut_by_image.label', 'meta_info.ini')


@dataclass(frozen=True)
class Got10kPlayground(ClipPlayground):
    """Three splits; the truth of the third is kept back."""

    layout: ClassVar[str] = 'got10k'

    def counts(self) -> dict[str, int]:
        return {'train': self.train, 'val': self.val, 'test': self.test}

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        folder = f'{split}/{sequence_name(split, index)}'
        texts = _TEXTS[:1] if split == 'test' else _TEXTS
        return (
            *(f'{folder}/{text}' for text in texts),
            *(f'{folder}/{frame + 1:08d}.jpg' for frame in range(self.frames)),
        )

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        track = self.track(split, index)
        boxes = np.where(track.hidden[:, None], _NO_BOX, track.boxes + (1.0, 1.0, 0.0, 0.0))
        if split == 'test':
            return box_lines(boxes[:1], '.4f'), *jpegs(track)
        cover = np.ceil(track.cover * _COVERS).astype(int)
        return (
            box_lines(boxes, '.4f'),
            _labels(track.hidden),
            _labels(cover),
            _labels(_cut(track)),
            self._meta(index),
            *jpegs(track),
        )

    def _meta(self, index: int) -> bytes:
        height, width = self.image_shape(index)
        meta = {
            'url': 'None', 'begin': '00:00:00', 'end': '00:00:03', 'anno_fps': '10Hz',
            'object_class': class_name(index), 'motion_class': 'walk', 'major_class': 'thing',
            'root_class': 'solid', 'motion_adverb': 'None', 'resolution': f'({width}, {height})',
        }  # fmt: skip
        lines = ['[METAINFO]', *(f'{key}: {value}' for key, value in meta.items())]
        return ''.join(f'{line}\n' for line in lines).encode()

    def lists(self, root: Path) -> dict[str, str]:
        return {
            f'{split}/list.txt': ''.join(f'{sequence_name(split, i)}\n' for i in range(count))
            for split, count in self.counts().items()
        }


def sequence_name(split: str, index: int) -> str:
    return f'GOT-10k_{split.capitalize()}_{index + 1:06d}'


def _cut(track: Track) -> np.ndarray:
    """Whether a box touches the edge of its frame."""
    height, width = track.images[0].shape[:2]
    x, y, wide, high = track.boxes.T
    edge = (x <= 0) | (y <= 0) | (x + wide >= width) | (y + high >= height)
    return edge & ~track.hidden


def _labels(values: np.ndarray) -> bytes:
    return ''.join(f'{int(value)}\n' for value in values).encode()
