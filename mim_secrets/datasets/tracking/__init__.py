"""Tracking: sequences of LaSOT, GOT-10k and TrackingNet, COCO as pairs, and what crops them."""

from ..transforms import tracking as transforms
from .coco_pairs import COCOPairs
from .cropping import Window, clip_to_frame, cut, to_frame, to_window, window_around
from .got10k import GOT10k
from .lasot import LaSOT
from .pairs import TrackingPairs
from .reading import SequenceReader
from .sequence import Sequence, SequenceError, read_frame
from .trackingnet import TrackingNet

__all__ = [
    'COCOPairs', 'GOT10k', 'LaSOT', 'Sequence', 'SequenceError', 'SequenceReader', 'TrackingNet',
    'TrackingPairs', 'Window', 'clip_to_frame', 'cut', 'read_frame', 'to_frame', 'to_window',
    'transforms', 'window_around',
]  # fmt: skip
