from .candidate_elimination import CandidateEliminationHook
from .overdue_validation import OverdueValidationHook
from .probes import ProbeHook
from .progressive import ProgressiveResolutionHook
from .randomness import ResumableRandomnessHook
from .reconstruction import ReconstructionHook
from .skipped_images import SkippedImagesHook
from .weights_table import WeightsTableHook

__all__ = [
    'CandidateEliminationHook',
    'OverdueValidationHook',
    'ProbeHook',
    'ProgressiveResolutionHook',
    'ReconstructionHook',
    'ResumableRandomnessHook',
    'SkippedImagesHook',
    'WeightsTableHook',
]
