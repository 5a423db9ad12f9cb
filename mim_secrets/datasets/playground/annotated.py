"""What the layouts with labels beside their images share: sizes, numbers, detections."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from .exact import choice, stream, uniform
from .writers import Playground

_DETECTIONS = 3  # purpose of a random stream
_SHAPES = ((0.75, 1.0), (1.0, 0.75), (0.75, 1.0), (1.0, 1.0))  # height and width over the edge
_SMALLEST = 8  # edge that the renderer draws
_MISSED = 0.25  # chance that somebody of whom hardly anything shows is overlooked
_LARGEST_ERROR = 0.08  # of a detected box's sides, over its extent


class AnnotatedPlayground(Playground):
    """A world whose folder says which layout it has; its longer edge is `image_size`."""

    layout: ClassVar[str]

    def description(self) -> dict:
        return {'layout': self.layout} | super().description()

    def image_shape(self, index: int) -> tuple[int, int]:
        """Height and width: wide, tall and square images take turns."""
        shape = _SHAPES[index % len(_SHAPES)]
        return tuple(max(_SMALLEST, round(self.image_size * part)) for part in shape)

    def number(self, split: str, index: int) -> int:
        """An image's id: unlike the ones of other splits, and unlike its place in a list."""
        splits = list(self.counts())
        return len(splits) * index + splits.index(split) + 1

    def notes_path(self, split: str, index: int) -> str:
        """Where an image's labels wait until those of all images are put together."""
        return f'meta/labels/{split}/{index:06d}.json'

    def notes(self, root: Path, split: str) -> Iterator[tuple[int, dict]]:
        """Index and labels of the images of a split."""
        for index in range(self.counts()[split]):
            yield index, json.loads((root / self.notes_path(split, index)).read_text())

    def detected(self, split: str, index: int, boxes: np.ndarray, shares: np.ndarray) -> list[dict]:
        """What a detector of people could say: boxes (N, 4) x0, y0, x1, y1 that are a little
        off, scores that fall with the visible shares (N,), some missed, some made up."""
        rng = stream(self.seed, split, index, _DETECTIONS)
        height, width = self.image_shape(index)
        found = []
        for box, share in zip(boxes.tolist(), shares.tolist()):
            x0, y0, x1, y1 = box
            errors = [uniform(rng, -_LARGEST_ERROR, _LARGEST_ERROR) for _ in range(4)]
            overlooked = rng.random() < _MISSED * (1.0 - share)
            score = (0.55 + 0.4 * share) * uniform(rng, 0.8, 1.0)
            if not overlooked:
                wide, high = x1 - x0, y1 - y0
                moved = [x + e * s for x, e, s in zip(box, errors, (wide, high, wide, high))]
                found.append({'bbox': _inside(moved, height, width), 'score': round(score, 4)})
        if rng.random() < 0.5:
            high = uniform(rng, 0.2, 0.7) * height
            wide = min(choice(rng, (0.35, 0.5, 1.0)) * high, 0.9 * width)
            x, y = uniform(rng, 0.0, width - wide), uniform(rng, 0.0, height - high)
            box = _inside([x, y, x + wide, y + high], height, width)
            found.append({'bbox': box, 'score': round(uniform(rng, 0.05, 0.4), 4)})
        return sorted(found, key=lambda one: -one['score'])


def xywh(box: np.ndarray) -> list[float]:
    """Corners x0, y0, x1, y1 to COCO's way."""
    x0, y0, x1, y1 = (float(v) for v in box)
    return [x0, y0, x1 - x0, y1 - y0]


def keypoint_triplets(points: np.ndarray, height: int, width: int) -> list[float]:
    """Key points (K, 3) of a rendering as COCO has them: x, y, flag, one after the other.

    COCO names the pixel where a point lies, whose middle is at half: (0.5, 0.5) is (0, 0).
    """
    found = []
    for x, y, flag in points.tolist():
        if flag > 0:
            x = min(max(x - 0.5, 0.0), width - 1.0)
            y = min(max(y - 0.5, 0.0), height - 1.0)
        found += [round(x, 2), round(y, 2), int(flag)]
    return found


def _inside(box: list[float], height: int, width: int) -> list[float]:
    x0, x1 = (min(max(v, 0.0), float(width)) for v in box[::2])
    y0, y1 = (min(max(v, 0.0), float(height)) for v in box[1::2])
    return [round(v, 2) for v in (x0, y0, x1 - x0, y1 - y0)]
