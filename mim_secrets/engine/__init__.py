from .hooks import (
    CandidateEliminationHook,
    OverdueValidationHook,
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
    'CandidateEliminationHook',
    'LayerDecayOptimWrapperConstructor',
    'OverdueValidationHook',
    'ProbeHook',
    'ProgressiveResolutionHook',
    'ReadableRunner',
    'ReconstructionHook',
    'ResumableRandomnessHook',
    'RiseAndFallLR',
    'SkippedImagesHook',
    'WeightsTableHook',
]
