from .corruption_error import CorruptionError
from .depth import DepthMetric
from .eleven_point import ElevenPointPrecision
from .features import Features, extract_features
from .probe_loop import ProbeLoop
from .probes import fit_linear, knn_top1, linear_top1, run_probes
from .subset import SubsetAccuracy
from .tracking import GOT10kMetric, OPEMetric
from .tracking_loop import TrackingTestLoop, TrackingValLoop

__all__ = [
    'CorruptionError',
    'DepthMetric',
    'ElevenPointPrecision',
    'Features',
    'GOT10kMetric',
    'OPEMetric',
    'ProbeLoop',
    'SubsetAccuracy',
    'TrackingTestLoop',
    'TrackingValLoop',
    'extract_features',
    'fit_linear',
    'knn_top1',
    'linear_top1',
    'run_probes',
]
