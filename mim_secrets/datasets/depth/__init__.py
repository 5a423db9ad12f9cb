"""Depth: KITTI, NYUv2 and other lists of pairs, and the transforms of their pipelines."""

from ..transforms.depth import CutDepth, KBCrop
from ..transforms.depth_colour import (
    RandomBrightnessContrast,
    RandomGamma,
    RandomHueSaturationValue,
)
from .kitti import KITTIDepth
from .list_files import Pair, read_pairs
from .loading import BadDepthError, LoadDepth
from .nyu import NYUDepth
from .pairs import DepthPairs

__all__ = [
    'BadDepthError', 'CutDepth', 'DepthPairs', 'KBCrop', 'KITTIDepth', 'LoadDepth', 'NYUDepth',
    'Pair', 'RandomBrightnessContrast', 'RandomGamma', 'RandomHueSaturationValue', 'read_pairs',
]  # fmt: skip
