"""Scenes to files in the layout of ADE20K's scene parsing: an index map for each image.

`images/{training,validation}/*.jpg` and `annotations/{training,validation}/*.png`, where 0
is what nobody labelled and k + 1 is class k of ADE20K's 150.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from .annotated import AnnotatedPlayground
from .groups import GroupStyle, sample_group
from .labels import Rendering, render
from .scene import SEMANTIC_CLASSES
from .writers import Preset, encode_jpeg

# mmseg's ADE20KDataset takes names of ADE20K only, so that each class has the name and the
# number of the nearest thing there. The order is that of SEMANTIC_CLASSES.
_ADE20K = {
    'sky': ('sky', 2), 'ground': ('earth', 13), 'ball': ('ball', 119), 'block': ('box', 41),
    'can': ('barrel', 111), 'cone': ('tent', 114), 'cross': ('signboard', 43),
    'figure': ('person', 12), 'pyramid': ('tower', 84), 'ring': ('sculpture', 132),
    'table': ('table', 15), 'wedge': ('stairs', 53),
}  # fmt: skip
ADE20K_CLASSES = tuple(_ADE20K[name][0] for name in SEMANTIC_CLASSES)
ADE20K_PRESETS = {
    'tiny': Preset(train=40, val=20, image_size=96),
    'small': Preset(train=2_000, val=400, image_size=128),
}

_VALUES = np.array([_ADE20K[name][1] + 1 for name in SEMANTIC_CLASSES], dtype=np.uint8)
_OVERLOOKED = 12  # things of fewer visible pixels are not labelled
_FOLDERS = {'train': 'training', 'val': 'validation'}


@dataclass(frozen=True)
class Ade20kPlayground(AnnotatedPlayground):
    """Scenes full of things, every pixel named."""

    layout: ClassVar[str] = 'ade20k'
    presets: ClassVar[dict[str, Preset]] = ADE20K_PRESETS
    usual_style: ClassVar[GroupStyle] = GroupStyle(
        object_height=(0.3, 0.5), off_centre=0.2, distractors=4,
        figure_chance=0.4, occluder_chance=0.3, companions=(0, 1),
    )  # fmt: skip

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        name = f'{_FOLDERS[split]}/ADE_{split}_{index + 1:08d}'
        return f'annotations/{name}.png', f'images/{name}.jpg'

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        scene = sample_group(self.seed, index, self.style, split)
        rendering = render(scene, self.image_shape(index))
        png = cv2.imencode('.png', index_map(rendering))[1].tobytes()
        return png, encode_jpeg(rendering.image)

    def lists(self, root: Path) -> dict[str, str]:
        return {'meta/classes.txt': '\n'.join(ADE20K_CLASSES) + '\n'}


def index_map(rendering: Rendering) -> np.ndarray:
    """(H, W) uint8 as ADE20K has it on disk."""
    values = _VALUES[rendering.semantic]
    for mask in rendering.masks:
        if np.count_nonzero(mask) < _OVERLOOKED:
            values[mask] = 0
    return values
