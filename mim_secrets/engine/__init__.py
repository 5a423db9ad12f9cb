from .hooks import (
    ProbeHook,
    ReconstructionHook,
    ResumableRandomnessHook,
    WeightsTableHook,
)
from .runner import ReadableRunner

__all__ = [
    'ProbeHook',
    'ReadableRunner',
    'ReconstructionHook',
    'ResumableRandomnessHook',
    'WeightsTableHook',
]
