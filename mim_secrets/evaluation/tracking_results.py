"""A file of boxes for each sequence, named and written as its benchmark wants it."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mim_secrets.datasets.tracking import GOT10k, LaSOT, TrackingNet
from mim_secrets.evaluation.tracking_errors import moved

BOX_FORMAT, TIME_FORMAT = '%.3f', '%.8f'


@dataclass(frozen=True)
class Layout:
    """Where a benchmark looks for the result of sequence ``{0}``, and its first pixel's number."""

    boxes: str
    times: str | None
    first_pixel: float


LAYOUTS = {
    'lasot': Layout('{0}.txt', None, LaSOT.first_pixel),
    'got10k': Layout('{0}/{0}_001.txt', '{0}/{0}_time.txt', GOT10k.first_pixel),
    'trackingnet': Layout('{0}.txt', None, TrackingNet.first_pixel),
}


def layout_of(benchmark: str) -> Layout:
    return LAYOUTS[plain(benchmark)]


def plain(benchmark: str) -> str:
    """``GOT-10k`` and ``got10k`` are one benchmark."""
    return re.sub(r'[^a-z0-9]', '', benchmark.lower())


def write_result(
    folder: Path, benchmark: str, name: str, boxes: np.ndarray, seconds: np.ndarray
) -> None:
    """Write boxes (N, 4) and, where the benchmark has a place for them, seconds (N,) a frame."""
    layout = layout_of(benchmark)
    if layout.times:
        _write(folder / layout.times.format(name), seconds[:, None], TIME_FORMAT)
    # last, because a sequence is done as soon as its boxes are there
    _write(folder / layout.boxes.format(name), moved(boxes, layout.first_pixel), BOX_FORMAT)


def _write(path: Path, rows: np.ndarray, number: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f'.{path.name}.{os.getpid()}')
    np.savetxt(unfinished, rows, fmt=number, delimiter=',')
    unfinished.replace(path)


def find_result(folder: Path, name: str) -> Path | None:
    """The file of a sequence in any benchmark's layout."""
    places = (folder / layout.boxes.format(name) for layout in LAYOUTS.values())
    return next((path for path in places if path.is_file()), None)


def read_result(path: Path, benchmark: str) -> np.ndarray:
    """(N, 4) boxes whose first pixel is 0; commas, tabs or spaces may part the numbers."""
    try:
        rows = list(_rows(path.read_text()))
        boxes = np.array(rows, dtype=np.float64).reshape(-1, 4)
    except (UnicodeDecodeError, ValueError):
        raise ValueError(
            f'{path}: every line must have the four numbers x, y, w, h; write the result again.'
        ) from None
    return moved(boxes, -layout_of(benchmark).first_pixel)


def _rows(text: str) -> Iterator[list[float]]:
    for line in text.splitlines():
        if line.strip():
            row = [float(word) for word in re.split(r'[\s,;]+', line.strip())]
            if len(row) != 4:
                raise ValueError(line)
            yield row


def finished(folder: Path, benchmark: str, name: str, frames: int) -> np.ndarray | None:
    """The boxes of a sequence that was tracked before, if the file is whole."""
    path = folder / layout_of(benchmark).boxes.format(name)
    try:
        boxes = read_result(path, benchmark)
    except (OSError, ValueError):
        return None
    return boxes if len(boxes) == frames and np.isfinite(boxes).all() else None
