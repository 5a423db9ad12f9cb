from .hooks import (
    ProbeHook,
    ProgressiveResolutionHook,
    ReconstructionHook,
    ResumableRandomnessHook,
    SkippedImagesHook,
    WeightsTableHook,
)
from .optimizers import LayerDecayOptimWrapperConstructor
from .rise_and_fall import RiseAndFallLR
from .runner import ReadableRunner

__all__ = [
    'LayerDecayOptimWrapperConstructor',
    'ProbeHook',
    'ProgressiveResolutionHook',
    'ReadableRunner',
    'ReconstructionHook',
    'ResumableRandomnessHook',
    'RiseAndFallLR',
    'SkippedImagesHook',
    'WeightsTableHook',
]
