"""The one place where libraries of different years are made to live together.

Each cure starts with the symptom that it cures, does nothing where the symptom
cannot occur, and may be applied any number of times. Importing ``mim_secrets``
applies all of them; nothing else in this package patches another library.
"""

import importlib.machinery
import importlib.util
import pickle
import sys
import warnings
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.logging import HistoryBuffer
from mmengine.utils import digit_version, dl_utils

# Kinds of NumPy numbers that a log, or the colours of mmpose's key points, may hold.
NUMBERS = ('Float64', 'Float32', 'Int64', 'Int32', 'UInt8', 'Bool')

# Declared operators vanish with the Library object that declared them.
_torchvision_schemas: torch.library.Library | None = None


def apply() -> None:
    """Apply every cure."""
    declare_torchvision_ops()
    allow_mmengine_checkpoints()
    download_weights_only()
    register_config_scope()
    quiet_package_lookups()


def declare_torchvision_ops() -> None:
    """Let torchvision be imported beside a torch it has no binary for.

    Symptom: ``RuntimeError: operator torchvision::nms does not exist`` while
    importing torchvision, because its C++ extension was built for CUDA and
    torch was not, so the extension is skipped and nobody declares the schemas
    on which torchvision then registers Python kernels.

    Only the schemas are declared. The operators themselves stay unavailable,
    and calling one says so.
    """
    global _torchvision_schemas
    if _torchvision_schemas is not None or not _torchvision_lacks_its_operators():
        return
    schemas = torch.library.Library('torchvision', 'DEF')
    for name in ('nms', 'qnms'):
        schemas.define(f'{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor')
    _torchvision_schemas = schemas


def _torchvision_lacks_its_operators() -> bool:
    """Load torchvision's operators the way torchvision does; say if that fails."""
    torchvision = importlib.util.find_spec('torchvision')
    if torchvision is None:
        return False
    extension = importlib.machinery.PathFinder.find_spec(
        '_C', torchvision.submodule_search_locations
    )
    if extension is None:
        return True
    try:
        torch.ops.load_library(extension.origin)
    except OSError:
        return True
    return False


def _history_statistic(owner: object, name: str) -> object:
    """Answer for ``getattr`` inside a checkpoint, for one question only.

    A ``HistoryBuffer`` pickles its statistics as ``getattr(HistoryBuffer,
    'mean')``. Allowing the real ``getattr`` would open every object reachable
    from an allowed one, so this stand-in knows HistoryBuffer's statistics alone.
    """
    if owner is HistoryBuffer and name in ('min', 'max', 'mean', 'current'):
        return getattr(HistoryBuffer, name)
    raise pickle.UnpicklingError(
        f'A checkpoint asks for attribute {name!r} of {owner!r}, which a training '
        'log never needs: do not trust this file.'
    )


def allow_mmengine_checkpoints() -> None:
    """Let mmengine resume from what it wrote itself, still weights-only.

    Symptom: ``Weights only load failed ... mmengine.logging.history_buffer.
    HistoryBuffer`` when a run is resumed on torch >= 2.6, whose ``torch.load``
    reads weights only: mmengine stores its scalar history in the checkpoint.
    """
    if digit_version(torch.__version__) < digit_version('2.6.0'):
        return  # older torch reads everything by default: nothing is refused
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            (_history_statistic, 'builtins.getattr'),
            np.ndarray,
            np.dtype,
            *(getattr(np.dtypes, f'{kind}DType') for kind in NUMBERS),
            *_numpy_pickle_helpers(),
        ]
    )


def _numpy_pickle_helpers() -> list[tuple[Callable, str]]:
    """NumPy's array and scalar rebuilders, under their old and new module name."""
    rebuild_array = np.empty(0).__reduce__()[0]
    rebuild_scalar = np.float64(0).__reduce__()[0]
    return [
        (helper, f'{module}.multiarray.{name}')
        for module in ('numpy.core', 'numpy._core')
        for helper, name in ((rebuild_array, '_reconstruct'), (rebuild_scalar, 'scalar'))
    ]


def download_weights_only() -> None:
    """Let nothing run that hides in a checkpoint named by its address.

    Symptom: ``load_from='https://...'`` runs whatever code the file holds, because
    mmengine downloads through ``torch.hub``, which unlike ``torch.load`` does not
    read weights only by default.
    """
    load_url = partial(torch.hub.load_state_dict_from_url, weights_only=True)
    dl_utils.load_url = load_url
    if 'mmengine.runner.checkpoint' in sys.modules:  # imported, it has its own copy
        sys.modules['mmengine.runner.checkpoint'].load_url = load_url


def register_config_scope() -> None:
    """Let configs inherit from ours: ``_base_ = 'mim_secrets::mff/...'``.

    Symptom: ``AssertionError: mmengine does not support to load mim_secrets
    config``, because mmengine looks packages up in a closed table.
    """
    MODULE2PACKAGE.setdefault('mim_secrets', 'mim_secrets')


def quiet_package_lookups() -> None:
    """Say once less what nobody who trains can change.

    Symptom: three lines of ``pkg_resources is deprecated`` for every config that
    inherits from another library's, because mmengine imports that module anew at
    each look-up of a package.
    """
    warnings.filterwarnings('ignore', 'pkg_resources is deprecated', UserWarning)
