from .features import Features, extract_features
from .probe_loop import ProbeLoop
from .probes import fit_linear, knn_top1, linear_top1, run_probes

__all__ = [
    'Features',
    'ProbeLoop',
    'extract_features',
    'fit_linear',
    'knn_top1',
    'linear_top1',
    'run_probes',
]
