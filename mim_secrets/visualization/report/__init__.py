from .export import copy_small_logs
from .logs import MEASURES, METHODS, Experiment
from .page import Excerpt, write_report
from .records import Records, Stage, StageError
from .results import results_table

__all__ = [
    'Excerpt',
    'Experiment',
    'MEASURES',
    'METHODS',
    'Records',
    'Stage',
    'StageError',
    'copy_small_logs',
    'results_table',
    'write_report',
]
