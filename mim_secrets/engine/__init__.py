from .hooks import (
    ProbeHook,
    ProgressiveResolutionHook,
    ReconstructionHook,
    ResumableRandomnessHook,
    SkippedImagesHook,
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
    'SkippedImagesHook',
    'WeightsTableHook',
]
