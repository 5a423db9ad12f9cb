"""A tracker over many sequences at once; one that cannot be read does not stop the others."""

import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from mim_secrets.datasets.decoding import open_picture
from mim_secrets.datasets.sources import read_bytes
from mim_secrets.datasets.tracking import Sequence as Clip
from mim_secrets.datasets.tracking import SequenceError, read_frame
from mim_secrets.datasets.tracking.cropping import why_no_template
from mim_secrets.evaluation.tracking_errors import usable

# What wrong files and wrong annotations raise in a reader.
BAD_DATA = (OSError, ValueError)


class Tracker(Protocol):
    """What is tested. Lists have an entry for each sequence; images are BGR."""

    def start(self, frames: list[np.ndarray], boxes: list[np.ndarray]) -> list[object]: ...

    def track(
        self, frames: list[np.ndarray], states: list[object]
    ) -> list[tuple[np.ndarray, float, object]]: ...


@dataclass
class Tracked:
    """A sequence, or as much of it as has been tracked."""

    clip: Clip
    boxes: list[np.ndarray] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    state: object = None
    ahead: Future | None = None  # the next frame

    @property
    def done(self) -> bool:
        return len(self.boxes) == len(self.clip.frames)


@dataclass(frozen=True)
class Skipped:
    """A sequence without a result."""

    name: str
    why: str

    def __str__(self) -> str:
        sentence = self.why if self.name in self.why else f'{self.name}: {self.why}'
        return sentence if sentence.endswith('.') else f'{sentence}.'


def frame_size(clip: Clip) -> tuple[int, int]:
    """Width and height of the first frame, whose header alone is read."""
    height, width = open_picture(read_bytes(clip.frames[0])).shape
    return width, height


def open_clip(read: Callable[[str], Clip], name: str) -> Clip | Skipped:
    """Read a sequence and check that it can be tracked at all."""
    try:
        clip = read(name)
    except BAD_DATA as error:
        why = ' '.join(str(error).split())
        return Skipped(name, why if isinstance(error, ValueError) else f'cannot be read ({why})')
    frames, boxes = len(clip.frames), len(clip.boxes)
    if not frames:
        return Skipped(name, 'has no frames')
    if boxes not in (1, frames):
        return Skipped(name, f'has {boxes} boxes for {frames} frames')
    if trouble := why_no_template(clip.boxes[0]):
        return Skipped(name, f'its first box, {trouble}')
    return clip


def run_tracker(
    tracker: Tracker,
    read: Callable[[str], Clip],
    names: Iterable[str],
    batch_size: int = 1,
    workers: int = 2,
    stepped: Callable[[int], None] = lambda frames: None,
) -> Iterator[Tracked | Skipped]:
    """Each sequence when it is done, or as soon as it cannot go on.

    So many sequences as ``batch_size`` says go side by side, each at its own frame. When
    one ends, the next takes its place.

    Args:
        read: Gives the sequence of a name.
        workers: Threads that decode the next frames in the meantime.
        stepped: Told how many frames were tracked or will not be.
    """
    waiting, active = iter(names), []
    with ThreadPoolExecutor(workers) as pool:
        while True:
            while len(active) < batch_size and (name := next(waiting, None)) is not None:
                clip = open_clip(read, name)
                if isinstance(clip, Skipped):
                    yield clip
                else:
                    ahead = pool.submit(read_frame, clip.frames[0])
                    active.append(Tracked(clip, ahead=ahead))
            if not active:
                return
            frames, running, stopped = _next_frames(active, pool)
            lost = _track(tracker, frames, running)
            stepped(len(running) - len(lost))
            for skipped in [*stopped, *lost]:
                gone = next(one for one in active if one.clip.name == skipped.name)
                stepped(len(gone.clip.frames) - len(gone.boxes))
                active.remove(gone)
                yield skipped
            for one in [one for one in active if one.done]:
                active.remove(one)
                yield one


def _next_frames(
    active: list[Tracked], pool: ThreadPoolExecutor
) -> tuple[list[np.ndarray], list[Tracked], list[Skipped]]:
    frames, running, stopped = [], [], []
    for one in active:
        number, paths = len(one.boxes), one.clip.frames
        try:
            frame = one.ahead.result()
        except SequenceError as error:
            why = f'{one.clip.name}, frame {number + 1} of {len(paths)}: {error}'
            stopped.append(Skipped(one.clip.name, why))
            continue
        if number == 0 and (trouble := why_no_template(one.clip.boxes[0], frame.shape)):
            stopped.append(Skipped(one.clip.name, f'its first box, {trouble}'))
            continue
        one.ahead = pool.submit(read_frame, paths[number + 1]) if number + 1 < len(paths) else None
        frames.append(frame)
        running.append(one)
    return frames, running, stopped


def _track(tracker: Tracker, frames: list[np.ndarray], running: list[Tracked]) -> list[Skipped]:
    """Append a box to everything that runs; those whose box is none are returned."""
    new = [(frame, one) for frame, one in zip(frames, running) if not one.boxes]
    old = [(frame, one) for frame, one in zip(frames, running) if one.boxes]
    stopped = []
    if new:
        begin = time.perf_counter()
        boxes = [one.clip.boxes[0] for _, one in new]
        states = tracker.start([frame for frame, _ in new], boxes)
        seconds = (time.perf_counter() - begin) / len(new)
        for (_, one), box, state in zip(new, boxes, states, strict=True):
            _append(one, box, seconds, state)
    if old:
        begin = time.perf_counter()
        results = tracker.track([frame for frame, _ in old], [one.state for _, one in old])
        seconds = (time.perf_counter() - begin) / len(old)
        for (_, one), (box, _, state) in zip(old, results, strict=True):
            box = np.asarray(box, dtype=np.float64).reshape(4)
            if not usable(box[None]).all():
                why = f'the tracker gave {box.tolist()}, no box, for frame {len(one.boxes) + 1}'
                stopped.append(Skipped(one.clip.name, why))
                continue
            _append(one, box, seconds, state)
    return stopped


def _append(one: Tracked, box: np.ndarray, seconds: float, state: object) -> None:
    one.boxes.append(np.asarray(box, dtype=np.float64))
    one.seconds.append(seconds)
    one.state = state
