"""Images to a cache: in parallel, resumable, atomic at the end.

Workers append to one file of pixels. A worker that has shrunk a few images reserves
the bytes for them, writes them there, and then notes in a journal what they are. So
what the journal names is whole, and a run that was killed goes on after it. Only a
finished cache gets its name.
"""

import fcntl
import json
import multiprocessing
import os
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch

from .cache import DESCRIPTION, FORMAT, INDEX, PIXELS, CacheError, file_state, sha256
from .decoding import BadImageError, Picture, open_picture, resize
from .sources import full_path, list_folder, read_bytes, read_list

_CHUNK = 16  # images a worker takes at a time
_PLAN, _JOURNAL, _LOCK = 'plan.json', 'journal.jsonl', 'lock'
_PATIENCE = 60.0  # seconds


@dataclass(frozen=True)
class Plan:
    """What a cache is to hold. ``folder`` is what the names are relative to."""

    folder: str
    ann_file: str
    short_side: int
    names: list[str]

    @classmethod
    def of(cls, source: str, short_side: int, root: str = '') -> 'Plan':
        """All images below a folder, or those in a list, relative to ``root``."""
        if os.path.isdir(source):
            folder, ann_file = os.path.abspath(source), ''
            names = list_folder(folder)
        else:
            ann_file = os.path.abspath(source)
            folder = root if '://' in root else os.path.abspath(root)
            names = [name for name, _ in read_list(ann_file)]
        if not names:
            raise CacheError(f'There are no images in {source}, so there is nothing to cache.')
        return cls(folder, ann_file, short_side, names)


@dataclass(frozen=True)
class Record:
    """A line of the journal: where an image lies, or why it does not."""

    number: int  # in the plan
    file_size: int
    file_time: int
    offset: int = 0
    height: int = 0
    width: int = 0
    full_height: int = 0
    full_width: int = 0
    checksum: int = 0
    reason: str = ''

    @property
    def end(self) -> int:
        return self.offset + 3 * self.height * self.width


def shrunk(picture: Picture, short_side: int) -> np.ndarray:
    """An image (H, W, 3) whose shorter side has at most ``short_side`` pixels."""
    size = height, width = picture.shape
    short = min(size)
    if short > short_side:
        size = height * short_side // short, width * short_side // short
    return resize(picture.region((0, 0, height, width), least=size), *size, 'bicubic')


def write_cache(
    out: str | Path,
    plan: Plan,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, str]:
    """Write ``out``, or what is missing of it, and return skipped images with reasons.

    ``progress(done, total)`` is called every moment with the images of the plan.
    """
    out = Path(out)
    if out.exists():
        raise CacheError(f'{out} exists already; remove it, or choose another name.')
    part = out.with_name(out.name + '.part')
    part.mkdir(parents=True, exist_ok=True)
    with _alone_in(part):
        records = _resumed(part, plan)
        missing = sorted(set(range(len(plan.names))) - {record.number for record in records})
        if missing:
            _run_workers(part, plan, missing, _end(records), workers, progress)
            records = _journal(part)
        return _finish(out, part, plan, records)


@contextmanager
def _alone_in(part: Path) -> Iterator[None]:
    """Wait for whoever writes here; workers hold the lock too, and outlive a killed run
    for as long as their last images take."""
    with (part / _LOCK).open('w') as lock:
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CacheError(
                        f'Another process writes to {part}; let it finish, or end it.'
                    ) from None
                time.sleep(0.1)
        yield


def _resumed(part: Path, plan: Plan) -> list[Record]:
    """What an earlier run left whole; pixels behind that are cut off."""
    told = json.dumps(asdict(plan))
    if not (part / _PLAN).exists():
        (part / PIXELS).write_bytes(b'')
        (part / _JOURNAL).write_bytes(b'')
        _write_atomic(part / _PLAN, told)
    elif (part / _PLAN).read_text() != told:
        raise CacheError(
            f'{part} was begun with other images or another size; remove it to begin anew.'
        )
    with (part / PIXELS).open('rb') as pixels:
        records = [r for r in _journal(part) if _is_whole(r, plan, pixels.fileno())]
    _write_atomic(part / _JOURNAL, ''.join(map(_line, records)))
    os.truncate(part / PIXELS, _end(records))
    return records


def _end(records: list[Record]) -> int:
    return max((record.end for record in records), default=0)


def _is_whole(record: Record, plan: Plan, pixels: int) -> bool:
    path = full_path(plan.folder, plan.names[record.number])
    if file_state(path) != (record.file_size, record.file_time):
        return False
    if record.reason:
        return True
    return zlib.crc32(os.pread(pixels, record.end - record.offset, record.offset)) == (
        record.checksum
    )


def _line(record: Record) -> str:
    return json.dumps(asdict(record)) + '\n'


def _journal(part: Path) -> list[Record]:
    records = {}
    for line in (part / _JOURNAL).read_text().splitlines():
        try:
            record = Record(**json.loads(line))
        except ValueError:  # empty, or half a line of a worker that was killed
            continue
        records[record.number] = record
    return [records[number] for number in sorted(records)]


def _run_workers(
    part: Path,
    plan: Plan,
    missing: list[int],
    end: int,
    workers: int,
    progress: Callable[[int, int], None],
) -> None:
    # As in the playground's writers: no queue, so one that dies blocks nobody.
    context = multiprocessing.get_context('fork')
    taken, done, free = context.Value('q', 0), context.Value('q', 0), context.Value('q', end)
    work = (part, plan, missing, taken, done, free, os.getpid())
    crew = [context.Process(target=_worker, args=work) for _ in range(workers)]
    total, before = len(plan.names), len(plan.names) - len(missing)
    try:
        for process in crew:
            process.start()
        while any(process.is_alive() for process in crew):
            progress(before + done.value, total)
            time.sleep(0.1)
    except BaseException:
        for process in crew:
            process.terminate()
        raise
    finally:
        for process in crew:
            process.join()
    progress(before + done.value, total)
    if done.value < len(missing):
        raise CacheError(
            f'A worker stopped after {before + done.value} of {total} images; its own '
            'message stands above. Run the same command again to go on.'
        )


def _worker(part: Path, plan: Plan, missing: list[int], taken, done, free, parent: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    pixels = os.open(part / PIXELS, os.O_WRONLY)
    while os.getppid() == parent:  # an orphan stops
        with taken.get_lock():
            start = taken.value
            taken.value += _CHUNK
        chunk = missing[start : start + _CHUNK]
        if not chunk:
            break
        images = [_shrunk_or_reason(plan, number) for number in chunk]
        length = sum(image.nbytes for _, image in images)
        with free.get_lock():
            offset = free.value
            free.value += length
        os.pwrite(pixels, b''.join(image.tobytes() for _, image in images), offset)
        lines = []
        for record, image in images:
            lines.append(_line(replace(record, offset=offset)))
            offset += image.nbytes
        with (part / _JOURNAL).open('a') as journal:
            # on a line of its own, whatever a killed worker left before it
            journal.write('\n' + ''.join(lines))
        with done.get_lock():
            done.value += len(chunk)
    os.close(pixels)


def _shrunk_or_reason(plan: Plan, number: int) -> tuple[Record, np.ndarray]:
    path = full_path(plan.folder, plan.names[number])
    record = Record(number, *file_state(path))
    try:
        picture = open_picture(read_bytes(path))
        image = shrunk(picture, plan.short_side)
    except BadImageError as error:
        return replace(record, reason=str(error)), np.empty((0, 0, 3), np.uint8)
    record = replace(
        record,
        height=image.shape[0],
        width=image.shape[1],
        full_height=picture.shape[0],
        full_width=picture.shape[1],
        checksum=zlib.crc32(image.tobytes()),
    )
    return record, image


def _finish(out: Path, part: Path, plan: Plan, records: list[Record]) -> dict[str, str]:
    good = [record for record in records if not record.reason]
    skipped = {plan.names[r.number]: r.reason for r in records if r.reason}
    if not good:
        name, reason = next(iter(skipped.items()))
        raise CacheError(f'None of the images can be used; the first is {name}: {reason}.')
    names = '\0'.join(plan.names[record.number] for record in good)
    np.savez(
        part / INDEX,
        names=np.frombuffer(names.encode(), np.uint8),
        offsets=np.array([record.offset for record in good]),
        shapes=np.array([(record.height, record.width) for record in good]),
        full_shapes=np.array([(record.full_height, record.full_width) for record in good]),
        checksums=np.array([record.checksum for record in good], np.uint32),
        file_sizes=np.array([record.file_size for record in good]),
        file_times=np.array([record.file_time for record in good]),
    )
    description = dict(
        format=FORMAT,
        folder=plan.folder,
        ann_file=plan.ann_file,
        short_side=plan.short_side,
        images=len(good),
        bytes=(part / PIXELS).stat().st_size,
        index_sha256=sha256(part / INDEX),
        skipped=list(skipped.items()),
    )
    _write_atomic(part / DESCRIPTION, json.dumps(description, indent=1) + '\n')
    with (part / PIXELS).open('rb') as pixels:
        os.fsync(pixels.fileno())
    (part / _PLAN).unlink()
    (part / _JOURNAL).unlink()
    (part / _LOCK).unlink()
    os.replace(part, out)
    return skipped


def _write_atomic(path: Path, text: str) -> None:
    unfinished = path.with_name(path.name + '.unfinished')
    unfinished.write_text(text)
    os.replace(unfinished, path)
