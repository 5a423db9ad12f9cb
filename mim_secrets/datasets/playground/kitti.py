"""Scenes to files in the layout of KITTI: raw pictures, and sparse depth in 1/256 metre.

`raw/DATE/DRIVE/image_02/data/*.png`,
`data_depth_annotated/{train,val}/DRIVE/proj_depth/groundtruth/image_02/*.png`, and
`kitti_eigen_{train,test}_files_with_gt.txt` with a picture, a depth map and a focal length on
each line. A depth of 0 means that nothing was measured.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from .annotated import AnnotatedPlayground
from .exact import stream
from .groups import GroupStyle, sample_group
from .labels import render
from .nyu import encode_depth
from .writers import Preset

KITTI_PRESETS = {
    'tiny': Preset(train=40, val=20, image_size=108),
    'small': Preset(train=2_000, val=400, image_size=216),
}

_LIDAR = 4  # purpose of a random stream
_DATE = '2011_09_26'
_DRIVES = {'train': 1, 'val': 501}  # number of the first one
_FRAMES = 100  # of a drive
_SHAPES = ((375, 1242), (370, 1226), (376, 1241), (374, 1238))  # KITTI's own
_WIDEST = 1242
_FOCAL = 1.924  # 721.54 pixels of a height of 375
_BLIND = 1 / 3  # of the height, above the uppermost beam
_RETURNED = 0.6  # of the beams


@dataclass(frozen=True)
class KittiPlayground(AnnotatedPlayground):
    """Wide pictures from low above the ground, which is seen as far as 80 metres."""

    layout: ClassVar[str] = 'kitti'
    presets: ClassVar[dict[str, Preset]] = KITTI_PRESETS
    usual_style: ClassVar[GroupStyle] = GroupStyle(
        object_height=(0.12, 0.55), off_centre=0.15, distractors=4, figure_chance=0.5,
        occluder_chance=0.2, camera_height=(3.0, 10.0), focal=(_FOCAL, _FOCAL),
        companions=(0, 2), nearness=(1.0, 3.0),
    )  # fmt: skip

    def image_shape(self, index: int) -> tuple[int, int]:
        shape = _SHAPES[index % len(_SHAPES)]
        return tuple(max(8, round(self.image_size * side / _WIDEST)) for side in shape)

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        # The depth map first: a picture never stands alone.
        image, depth = _names(split, index)
        return f'data_depth_annotated/{split}/{depth}', f'raw/{image}'

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        scene = sample_group(self.seed, index, self.style, split)
        rendering = render(scene, self.image_shape(index))
        image = cv2.imencode('.png', rendering.image[..., ::-1])[1].tobytes()
        seen = lidar_mask(self.seed, split, index, rendering.depth.shape)
        return encode_depth(np.where(seen, rendering.depth, np.float32(0)), 256), image

    def lists(self, root: Path) -> dict[str, str]:
        lists = {}
        for (split, count), name in zip(self.counts().items(), ('train', 'test')):
            lines = []
            for i in range(count):
                focal = _FOCAL * self.image_shape(i)[0]
                lines.append(f'{" ".join(_names(split, i))} {focal:.4f}\n')
            lists[f'kitti_eigen_{name}_files_with_gt.txt'] = ''.join(lines)
        return lists


def lidar_mask(seed: int, split: str, index: int, shape: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: every other row below the uppermost beam, with gaps."""
    rng = stream(seed, split, index, _LIDAR)
    seen = rng.random(shape) < _RETURNED
    seen[: round(shape[0] * _BLIND)] = False
    seen[shape[0] % 2 :: 2] = False  # the lowest row is one that is seen
    return seen


def _names(split: str, index: int) -> tuple[str, str]:
    """Picture and depth map, as they stand in the list."""
    drive = f'{_DATE}_drive_{_DRIVES[split] + index // _FRAMES:04d}_sync'
    frame = f'{index % _FRAMES:010d}.png'
    return (
        f'{_DATE}/{drive}/image_02/data/{frame}',
        f'{drive}/proj_depth/groundtruth/image_02/{frame}',
    )
