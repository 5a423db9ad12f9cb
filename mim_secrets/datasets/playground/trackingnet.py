"""Clips to files in the layout of TrackingNet.

`{TRAIN_0,...,TRAIN_11,TEST}/{anno/VIDEO.txt,frames/VIDEO/0.jpg}`; the test split has the first
box alone. Boxes count pixels from 0, and every frame has one: where the thing is hidden, the
one it had before.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np

from .clips import ClipStyle
from .tracking import ClipPlayground, box_lines, class_name, jpegs

_PARTS = 12


@dataclass(frozen=True)
class TrackingnetPlayground(ClipPlayground):
    """Things that stay in view, as in TrackingNet."""

    layout: ClassVar[str] = 'trackingnet'
    usual_style: ClassVar[ClipStyle] = replace(ClipPlayground.usual_style, leaving_chance=0.0)

    def counts(self) -> dict[str, int]:
        return {'train': self.train, 'test': self.test}

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        part = 'TEST' if split == 'test' else f'TRAIN_{index % _PARTS}'
        video = f'{class_name(index)}{index:05d}_0'
        return (
            f'{part}/anno/{video}.txt',
            *(f'{part}/frames/{video}/{frame}.jpg' for frame in range(self.frames)),
        )

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        track = self.track(split, index)
        seen = np.maximum.accumulate(np.where(track.hidden, 0, np.arange(self.frames)))
        boxes = track.boxes[seen]
        return box_lines(boxes[:1] if split == 'test' else boxes, '.2f'), *jpegs(track)

    def lists(self, root: Path) -> dict[str, str]:
        return {}
