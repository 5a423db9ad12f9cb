"""Trackers of single things: import it where they are used, as configs do in
``custom_imports``."""

from .centre_head import CentreHead
from .elimination import CandidateElimination
from .one_stream import OneStreamTracker
from .overlap_head import OverlapHead
from .pair_fusion import PairFusion
from .preprocessor import PairPreprocessor
from .tracker import Maps, State, Tracker
from .two_stream import TwoStreamTracker

__all__ = [
    'CandidateElimination',
    'CentreHead',
    'Maps',
    'OneStreamTracker',
    'OverlapHead',
    'PairFusion',
    'PairPreprocessor',
    'State',
    'Tracker',
    'TwoStreamTracker',
]
