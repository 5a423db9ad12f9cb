"""A folder of drawn samples: parallel, resumable, atomic per file.

What is drawn and where it lies is a world's business; `meta/playground.json` says
which world a folder holds.
"""

import json
import multiprocessing
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import cv2

_CHUNK = 16  # samples a worker takes at a time
_DESCRIPTION = Path('meta', 'playground.json')
_UNFINISHED = '.part'  # ending of a file that is being written


class World(Protocol):
    """What a folder is to hold. Equal descriptions give equal bytes."""

    def description(self) -> dict:
        """All that the bytes depend on, as JSON gives it back."""

    def counts(self) -> dict[str, int]:
        """Samples of each split."""

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        """The files of a sample below the root, in the order of writing."""

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        """Their contents."""

    def lists(self, root: Path) -> dict[str, str]:
        """Text files, by path below the root, made when all samples lie there."""


class MismatchError(ValueError):
    """The folder holds something else than what was asked for."""


def fill(
    root: str | Path,
    world: World,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> int:
    """Write what is missing of a world and return how many samples that were.

    `progress(done, total)` is called every moment with the samples of this run.
    """
    root = Path(root)
    _claim(root, world)
    missing = _missing_samples(root, world)
    if missing:
        _draw_missing(root, world, missing, workers, progress)
    for name, text in world.lists(root).items():
        _write_if_changed(root / name, text)
    return len(missing)


def write_atomic(path: Path, content: bytes) -> None:
    """The file appears whole or not at all."""
    unfinished = path.with_name(f'{path.name}.{os.getpid()}{_UNFINISHED}')
    unfinished.write_bytes(content)
    os.replace(unfinished, path)


def _claim(root: Path, world: World) -> None:
    """Note in the folder what it holds, or refuse a folder that holds something else."""
    wanted = world.description()
    if (root / _DESCRIPTION).is_file():
        found = json.loads((root / _DESCRIPTION).read_text())
        # ImageNet's layout came first and has no name in its folders.
        for key, value in ({'layout': 'imagenet'} | wanted).items():
            there = found.get(key, 'imagenet' if key == 'layout' else None)
            if there != value:
                raise MismatchError(
                    f'{root} holds a playground with {key} {there}, not {value}; '
                    'choose another folder, or remove this one'
                )
    elif any(p.is_file() and p.suffix != _UNFINISHED for p in root.rglob('*')):
        raise MismatchError(f'{root} is neither empty nor a playground; choose another folder')
    # The description comes first, so that whatever is interrupted later can be told apart.
    (root / 'meta').mkdir(parents=True, exist_ok=True)
    _write_if_changed(root / _DESCRIPTION, json.dumps(wanted, indent=2) + '\n')
    for leftover in root.glob(f'*/**/*{_UNFINISHED}'):
        leftover.unlink()


def _missing_samples(root: Path, world: World) -> list[tuple[str, int]]:
    """Samples that lack a file; the folders of all of them are made on the way."""
    samples = {
        (split, i): world.paths(split, i)
        for split, count in world.counts().items()
        for i in range(count)
    }
    present = set()
    for folder in {path.rpartition('/')[0] for paths in samples.values() for path in paths}:
        (root / folder).mkdir(parents=True, exist_ok=True)
        present.update(f'{folder}/{name}' for name in os.listdir(root / folder))
    return [sample for sample, paths in samples.items() if not present.issuperset(paths)]


def _draw_missing(
    root: Path,
    world: World,
    missing: list[tuple[str, int]],
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    # Forked workers inherit the imports; they share two counters and no queue, so one
    # that dies neither blocks the others nor is waited for.
    context = multiprocessing.get_context('fork')
    taken, done = context.Value('l', 0), context.Value('l', 0)
    work = (root, world, missing, taken, done, os.getpid())
    crew = [context.Process(target=_worker, args=work) for _ in range(workers)]
    try:
        for process in crew:
            process.start()
        while any(process.is_alive() for process in crew):
            progress(done.value, len(missing))
            time.sleep(0.1)
    except BaseException:
        for process in crew:
            process.terminate()
        raise
    finally:
        for process in crew:
            process.join()
    progress(done.value, len(missing))
    if done.value < len(missing):
        raise RuntimeError(
            f'a worker stopped after {done.value} of {len(missing)} images in {root}; '
            'its own message stands above; run the same command again to go on'
        )


def _worker(root: Path, world: World, missing: list, taken, done, parent: int) -> None:
    cv2.setNumThreads(0)
    while os.getppid() == parent:  # an orphan stops
        with taken.get_lock():
            start = taken.value
            taken.value += _CHUNK
        chunk = missing[start : start + _CHUNK]
        if not chunk:
            return
        for split, index in chunk:
            for path, content in zip(world.paths(split, index), world.draw(split, index)):
                write_atomic(root / path, content)
            with done.get_lock():
                done.value += 1


def _write_if_changed(path: Path, text: str) -> None:
    if not path.is_file() or path.read_text() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode())
