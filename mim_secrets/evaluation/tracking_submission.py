"""Archives for the servers of GOT-10k and TrackingNet, which know the true boxes."""

import re
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from mim_secrets.datasets.tracking import Sequence as Clip
from mim_secrets.evaluation.tracking_curves import fit_rows
from mim_secrets.evaluation.tracking_errors import moved, usable
from mim_secrets.evaluation.tracking_results import (
    BOX_FORMAT,
    TIME_FORMAT,
    find_result,
    layout_of,
    plain,
    read_result,
)

# How many sequences the servers expect, and how they want numbers. TrackingNet's rounds
# all boxes to whole pixels itself.
SERVERS = {'got10k': (180, BOX_FORMAT), 'trackingnet': (511, '%d')}
_LINES = {
    BOX_FORMAT: re.compile(r'-?\d+\.\d{3},-?\d+\.\d{3},\d+\.\d{3},\d+\.\d{3}'),
    '%d': re.compile(r'-?\d+,-?\d+,\d+,\d+'),
    TIME_FORMAT: re.compile(r'\d+\.\d+'),
}
_DATE = (1980, 1, 1, 0, 0, 0)  # the same results are the same archive


def has_server(benchmark: str) -> bool:
    return plain(benchmark) in SERVERS


def write_archive(results: Path, clips: Iterable[Clip], archive: Path) -> list[str]:
    """Pack the result of every sequence of a test split, and check what was packed.

    Args:
        results: Folder with a file for each sequence.
        clips: The whole split, all of one benchmark.
        archive: The zip file to write; not written unless every result is whole.

    Returns:
        What is allowed here but the server may not take, a sentence each.
    """
    clips = list(clips)
    files = {name: text for clip in clips for name, text in _files_of(results, clip)}
    archive.parent.mkdir(parents=True, exist_ok=True)
    unfinished = archive.with_name(f'.{archive.name}')
    with zipfile.ZipFile(unfinished, 'w', zipfile.ZIP_DEFLATED) as packed:
        for name, text in sorted(files.items()):
            packed.writestr(zipfile.ZipInfo(name, _DATE), text, zipfile.ZIP_DEFLATED)
    problems = check_archive(unfinished, clips)
    if problems:
        unfinished.unlink()
        raise ValueError(f'{archive} was not written: {problems[0]}')
    unfinished.replace(archive)
    expected, _ = SERVERS[plain(clips[0].benchmark)]
    if len(clips) == expected:
        return []
    return [
        f'{archive} has {len(clips)} sequences; the test split of {clips[0].benchmark} '
        f'has {expected}.'
    ]


def check_archive(archive: Path, clips: Iterable[Clip]) -> list[str]:
    """What a server would stumble over, a sentence each: names, counts, numbers."""
    clips = list(clips)
    expected: dict[str, tuple[int, str, Clip | None]] = {}
    for clip in clips:
        layout, count = layout_of(clip.benchmark), len(clip.frames)
        _, number = SERVERS[plain(clip.benchmark)]
        expected[layout.boxes.format(clip.name)] = (count, number, clip)
        if layout.times:
            expected[layout.times.format(clip.name)] = (count, TIME_FORMAT, None)
    with zipfile.ZipFile(archive) as packed:
        names = packed.namelist()
        problems = [f'{name} is missing.' for name in expected if name not in names]
        problems += [f'{name} does not belong there.' for name in names if name not in expected]
        problems += [f'{name} is there twice.' for name in set(names) if names.count(name) > 1]
        for name in dict.fromkeys(names):
            if name in expected:
                text = packed.read(name).decode('ascii', errors='replace')
                problems += _problems_of(name, text, *expected[name])
    return problems


def _problems_of(name: str, text: str, count: int, number: str, clip: Clip | None) -> list[str]:
    lines = text.splitlines()
    if len(lines) != count:
        return [f'{name} has {len(lines)} lines for {count} frames.']
    for index, line in enumerate(lines, start=1):
        if not _LINES[number].fullmatch(line):
            return [
                f'{name}: line {index} is {line!r}, not numbers like {number % 12} with commas.'
            ]
    if clip is None:
        return []
    boxes = np.array([line.split(',') for line in lines], dtype=np.float64)
    if not usable(boxes).all():
        row = int(np.flatnonzero(~usable(boxes))[0])
        return [f'{name}: the box in line {row + 1} has no area.']
    # rounding to whole pixels may move it by a half, and an area of less than 1 by one
    given = moved(clip.boxes[0], layout_of(clip.benchmark).first_pixel)
    if np.abs(boxes[0] - given).max() > 1:
        return [f'{name}: line 1 is not the box that {clip.benchmark} gives.']
    return []


def _files_of(results: Path, clip: Clip) -> list[tuple[str, str]]:
    path = find_result(results, clip.name)
    if path is None:
        raise FileNotFoundError(
            f'{results} has no result of {clip.name}; an archive needs every sequence of '
            f'{clip.benchmark}, so track it first.'
        )
    layout = layout_of(clip.benchmark)
    boxes = fit_rows(read_result(path, clip.benchmark), clip)
    if not usable(boxes).all():
        row = int(np.flatnonzero(~usable(boxes))[0])
        raise ValueError(f'{path}: line {row + 1} is no box with an area; track it again.')
    _, number = SERVERS[plain(clip.benchmark)]
    boxes = moved(boxes, layout.first_pixel)
    if number == '%d':
        boxes = np.round(boxes)
        boxes[:, 2:] = np.maximum(boxes[:, 2:], 1)
    files = [(layout.boxes.format(clip.name), _text(boxes, number))]
    if layout.times:
        name = layout.times.format(clip.name)
        if not (results / name).is_file():
            raise FileNotFoundError(
                f'{results / name} is missing, a file of the seconds that each frame took; '
                'GOT-10k wants one for each sequence.'
            )
        files.append((name, (results / name).read_text()))
    return files


def _text(boxes: np.ndarray, number: str) -> str:
    return ''.join(','.join(number % value for value in row) + '\n' for row in boxes)
