"""Scenes to files in the layout of NYUv2 by lists: pictures, and depth in millimetres.

`sync/room_*/{rgb_*.jpg,sync_depth_*.png}` to train, `official_splits/test/room/` to test, and
`nyudepthv2_{train,test}_files_with_gt.txt` with a picture, a depth map and a focal length on
each line. A depth of 0 means that nothing was measured.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from .annotated import AnnotatedPlayground
from .groups import GroupStyle, sample_group
from .labels import render
from .writers import Preset, encode_jpeg

NYU_PRESETS = {
    'tiny': Preset(train=40, val=20, image_size=96),
    'small': Preset(train=2_000, val=400, image_size=128),
}

_FOLDERS = {'train': 'sync', 'val': 'official_splits/test'}
_FOCAL = 1.081  # 518.86 pixels of a height of 480
_FARTHEST = np.float32(10)  # metres that the camera measures
_FRAMES = 100  # of a room


@dataclass(frozen=True)
class NyuPlayground(AnnotatedPlayground):
    """Things close by, from one camera; the sky and what lies far away is not measured."""

    layout: ClassVar[str] = 'nyu'
    presets: ClassVar[dict[str, Preset]] = NYU_PRESETS
    usual_style: ClassVar[GroupStyle] = GroupStyle(
        object_height=(0.25, 0.55), off_centre=0.2, distractors=4, figure_chance=0.4,
        occluder_chance=0.3, camera_height=(12.0, 30.0), focal=(_FOCAL, _FOCAL),
        companions=(0, 1),
    )  # fmt: skip

    def image_shape(self, index: int) -> tuple[int, int]:
        return max(8, round(self.image_size * 3 / 4)), self.image_size

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        # The depth map first: a picture never stands alone.
        image, depth = _names(split, index)
        return f'{_FOLDERS[split]}/{depth}', f'{_FOLDERS[split]}/{image}'

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        scene = sample_group(self.seed, index, self.style, split)
        rendering = render(scene, self.image_shape(index))
        depth = np.where(rendering.depth <= _FARTHEST, rendering.depth, np.float32(0))
        return encode_depth(depth, 1000), encode_jpeg(rendering.image)

    def lists(self, root: Path) -> dict[str, str]:
        focal = f'{_FOCAL * self.image_shape(0)[0]:.4f}'
        lists = {}
        for (split, count), name, slash in zip(self.counts().items(), ('train', 'test'), '/ '):
            # Paths of the training list begin with a slash, as in the published one.
            lines = [' '.join(slash.strip() + n for n in _names(split, i)) for i in range(count)]
            text = ''.join(f'{line} {focal}\n' for line in lines)
            lists[f'nyudepthv2_{name}_files_with_gt.txt'] = text
        return lists


def encode_depth(depth: np.ndarray, steps: int) -> bytes:
    """Metres (H, W) as PNG of 16 bits with so many steps to a metre."""
    levels = np.floor(depth * np.float32(steps) + np.float32(0.5)).astype(np.uint16)
    return cv2.imencode('.png', levels)[1].tobytes()


def _names(split: str, index: int) -> tuple[str, str]:
    """Picture and depth map, as they stand in the list."""
    room, frame = 'room', index
    if split == 'train':
        room, frame = f'room_{index // _FRAMES + 1:04d}', index % _FRAMES
    return f'{room}/rgb_{frame:05d}.jpg', f'{room}/sync_depth_{frame:05d}.png'
