from .probes import ProbeHook
from .randomness import ResumableRandomnessHook
from .reconstruction import ReconstructionHook
from .weights_table import WeightsTableHook

__all__ = [
    'ProbeHook',
    'ReconstructionHook',
    'ResumableRandomnessHook',
    'WeightsTableHook',
]
