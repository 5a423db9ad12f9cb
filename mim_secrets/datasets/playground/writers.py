"""Scenes to files in the layout of ImageNet.

`train/<class>/*.jpg`, `val/<class>/*.jpg`, `meta/{train,val}.txt` with lines
`<class>/<file>.jpg <label>`, class-balanced parts of the training list, the class
names, and `meta/playground.json`, which says what the folder holds.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from .filling import fill
from .render import RENDERER_VERSION, render_image
from .sampling import Style, sample_scene
from .scene import CLASSES

_JPEG = (
    cv2.IMWRITE_JPEG_QUALITY, 95,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    cv2.IMWRITE_JPEG_OPTIMIZE, 0,
)  # fmt: skip
_PARTS = {'train_10percent': 10, 'train_1percent': 100}


@dataclass(frozen=True)
class Preset:
    train: int
    val: int
    image_size: int


PRESETS = {
    'tiny': Preset(train=500, val=200, image_size=32),
    'small': Preset(train=8_000, val=2_000, image_size=32),
    'medium': Preset(train=50_000, val=5_000, image_size=64),
}


@dataclass(frozen=True)
class Playground:
    """What a folder is to hold. Equal descriptions give equal bytes."""

    presets: ClassVar[dict[str, Preset]] = PRESETS
    usual_style: ClassVar[Style] = Style()

    preset: str
    train: int
    val: int
    image_size: int
    seed: int
    style: Style

    @classmethod
    def of(cls, preset: str, image_size: int | None = None, seed: int = 0) -> 'Playground':
        counts = cls.presets[preset]
        size = image_size or counts.image_size
        return cls(preset, counts.train, counts.val, size, seed, cls.usual_style)

    def description(self) -> dict:
        # Through JSON, so that it equals what is read back: tuples become lists.
        known = asdict(self) | {'classes': CLASSES, 'renderer_version': RENDERER_VERSION}
        return json.loads(json.dumps(known))

    def counts(self) -> dict[str, int]:
        return {'train': self.train, 'val': self.val}

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        return (f'{split}/{image_name(split, index)}',)

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        scene = sample_scene(self.seed, index, self.style, split)
        return (encode_jpeg(render_image(scene, self.image_size)),)

    def lists(self, root: Path) -> dict[str, str]:
        """Content of the text files in `meta`."""
        lists = {'classes': '\n'.join(CLASSES) + '\n'}
        for split, count in self.counts().items():
            lists[split] = _lines(split, count)
        for name, divisor in _PARTS.items():
            # Labels go round with the index: the first images are balanced, and the
            # smaller part lies within the larger one.
            per_class = max(1, self.train // (divisor * len(CLASSES)))
            lists[name] = _lines('train', min(self.train, per_class * len(CLASSES)))
        return {f'meta/{name}.txt': text for name, text in lists.items()}


def image_name(split: str, index: int) -> str:
    """Path below the split's folder, as it stands in the list of that split."""
    return f'{CLASSES[index % len(CLASSES)]}/{split}_{index:06d}.jpg'


def encode_jpeg(image: np.ndarray) -> bytes:
    """An RGB image (H, W, 3) as JPEG, without chroma subsampling."""
    return cv2.imencode('.jpg', image[..., ::-1], _JPEG)[1].tobytes()


def write_imagenet(
    root: str | Path,
    world: Playground,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write what is missing of a playground and return how many images that were."""
    return fill(root, world, workers, progress)


def _lines(split: str, count: int) -> str:
    return ''.join(f'{image_name(split, i)} {i % len(CLASSES)}\n' for i in range(count))
