"""Clips with the track of one thing, and what the layouts of the benchmarks share."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from .annotated import AnnotatedPlayground
from .clips import Clip, ClipStyle, sample_track
from .labels import render
from .scene import CLASSES
from .writers import encode_jpeg

_HIDDEN_BELOW = 0.04  # share of a thing that must be visible for it to have a box
_LEAST_SIDE = 2.0  # pixels of a box
_CLEAR_START = 0.75  # share that is visible in the first frame
_ATTEMPTS = 12


@dataclass(frozen=True)
class Track:
    """T frames and where the tracked thing is. Pixel i covers the interval from i to i + 1."""

    images: tuple[np.ndarray, ...]  # (H, W, 3) uint8 RGB each
    boxes: np.ndarray  # (T, 4) float64 x, y, width, height of what is visible; zeros if hidden
    cover: np.ndarray  # (T,) float64 visible share of the whole thing
    hidden: np.ndarray  # (T,) bool
    outside: np.ndarray  # (T,) bool: hidden, because the thing is out of view
    clip: Clip


@dataclass(frozen=True)
class ClipPreset:
    train: int
    val: int
    test: int
    frames: int
    image_size: int


CLIP_PRESETS = {
    'tiny': ClipPreset(train=10, val=5, test=5, frames=12, image_size=96),
    'small': ClipPreset(train=200, val=20, test=40, frames=32, image_size=160),
}


@dataclass(frozen=True)
class ClipPlayground(AnnotatedPlayground):
    """Sequences; the class of a sequence is its index modulo the number of classes."""

    presets: ClassVar[dict[str, ClipPreset]] = CLIP_PRESETS
    usual_style: ClassVar[ClipStyle] = ClipStyle(
        object_height=(0.24, 0.4), off_centre=0.2, distractors=2, figure_chance=0.15,
        occluder_chance=0.0, camera_height=(5.0, 14.0),
    )  # fmt: skip

    test: int
    frames: int

    @classmethod
    def of(cls, preset: str, image_size: int | None = None, seed: int = 0) -> 'ClipPlayground':
        counts = cls.presets[preset]
        size = image_size or counts.image_size
        return cls(
            preset, counts.train, counts.val, size, seed, cls.usual_style, counts.test,
            counts.frames,
        )  # fmt: skip

    def image_shape(self, index: int) -> tuple[int, int]:
        return max(8, round(self.image_size * 3 / 4)), self.image_size

    def track(self, split: str, index: int) -> Track:
        """A clip that begins with the thing in clear view."""
        shape = self.image_shape(index)
        for attempt in range(_ATTEMPTS):
            arguments = (self.seed, index, self.style, self.frames, split, attempt)
            clip = sample_track(*arguments)
            start = render(clip.scenes[0], shape)
            if start.visibility[0] >= _CLEAR_START and len(_shown(start)):
                break
        return render_track(clip, shape)


def render_track(clip: Clip, size: tuple[int, int]) -> Track:
    """Every frame of a clip and the track of its first thing."""
    images, boxes, cover, hidden, outside = [], [], [], [], []
    for scene in clip.scenes:
        rendering = render(scene, size)
        box = _shown(rendering)
        images.append(rendering.image)
        hidden.append(not len(box))
        boxes.append(box if len(box) else np.zeros(4))
        cover.append(float(rendering.visibility[0]) if len(box) else 0.0)
        alone = replace(scene, things=scene.things[:1])
        outside.append(not len(box) and not len(_shown(render(alone, size))))
    return Track(
        tuple(images), np.stack(boxes), np.array(cover), np.array(hidden), np.array(outside), clip
    )


def class_name(index: int) -> str:
    return CLASSES[index % len(CLASSES)]


def jpegs(track: Track) -> tuple[bytes, ...]:
    return tuple(encode_jpeg(image) for image in track.images)


def box_lines(boxes: np.ndarray, number: str) -> bytes:
    """Boxes (N, 4), one to a line; `number` is the format of a number."""
    return ''.join(','.join(format(v, number) for v in box) + '\n' for box in boxes).encode()


def _shown(rendering) -> np.ndarray:
    """Box (4,) of what is visible of the first thing, or nothing (0,)."""
    x0, y0, x1, y1 = rendering.boxes[0].astype(np.float64)
    box = np.array([x0, y0, x1 - x0, y1 - y0])
    hidden = rendering.visibility[0] < _HIDDEN_BELOW or box[2:].min() < _LEAST_SIDE
    return box[:0] if hidden else box
