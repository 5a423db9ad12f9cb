"""What a reader knows of a data set before it reads a sequence, kept on disk.

An index is a few arrays in one file. It is made anew when the folder is not as it was.
"""

import hashlib
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mmengine.logging import MMLogger

from ..playground.filling import write_atomic

_FORMAT = 1
_STATE = 'state'

Columns = dict[str, np.ndarray]


def open_index(path: Path, state: str, make: Callable[[], Columns]) -> Columns:
    """The arrays at ``path`` if they belong to ``state``, else those that ``make`` gives.

    Where nothing can be written, the index lives in memory only.
    """
    state = hashlib.sha256(f'{_FORMAT} {state}'.encode()).hexdigest()
    kept = _read(path)
    if kept is not None and str(kept[_STATE]) == state:
        return kept
    logger = MMLogger.get_current_instance()
    why = 'the data changed' if path.is_file() else 'there is none yet'
    logger.info(f'Making the index {path}: {why}.')
    columns = make()
    content = io.BytesIO()
    np.savez(content, **columns, **{_STATE: np.array(state)})
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, content.getvalue())
    except OSError as error:
        logger.info(f'The index {path} is not kept: {error.strerror}.')
    return columns


def _read(path: Path) -> Columns | None:
    """The arrays, or None where there is no such file or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as file:
            columns = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return None
    return columns if _STATE in columns else None
