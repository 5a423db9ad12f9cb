from .hooks import (
    ProbeHook,
    ProgressiveResolutionHook,
    ReconstructionHook,
    ResumableRandomnessHook,
    WeightsTableHook,
)
from .optimizers import LayerDecayOptimWrapperConstructor
from .runner import ReadableRunner

__all__ = [
    'LayerDecayOptimWrapperConstructor',
    'ProbeHook',
    'ProgressiveResolutionHook',
    'ReadableRunner',
    'ReconstructionHook',
    'ResumableRandomnessHook',
    'WeightsTableHook',
]
