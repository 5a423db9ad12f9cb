"""Where one thing is in every frame of a video."""

import csv
import logging
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, current_thread, main_thread
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.registry import MODELS, DefaultScope

from mim_secrets.apis.inferencers.canvas import Colour
from mim_secrets.apis.inferencers.loading import ConfigLike, fill_model, read_config, weights_or_run
from mim_secrets.apis.inferencers.video import (
    Footage,
    FrameError,
    Frames,
    NoVideoError,
    VideoFile,
    open_frames,
    places_of,
)
from mim_secrets.evaluation.tracking_errors import usable
from mim_secrets.models.tracking.tracker import check_first_box
from mim_secrets.progress import no_display, progress_display

COLUMNS = ('frame', 'x', 'y', 'w', 'h', 'score')
# Of Okabe and Ito.
GIVEN: Colour = (86, 180, 233)
FOUND: Colour = (230, 159, 0)


@dataclass(frozen=True)
class Step:
    """A frame, and where the thing is in it."""

    image: np.ndarray  # (H, W, 3), uint8, BGR
    box: np.ndarray  # (4,), x, y, width, height in pixels
    score: float
    seconds: float = 0.0  # that the tracker took; the first box is given


class TrackingInferencer:
    """Follow one thing through a video, a folder of frames, or what a camera sees.

    Args:
        config: A config, its file, or the work directory of a run, which keeps a copy.
        weights: A checkpoint, its address, or a work directory, which stands for its
            newest checkpoint. May be left out where ``config`` is a work directory.
        device: The first accelerator, or else the CPU, unless one is named.
        show_progress: Whether a bar is shown where the number of frames is known.
    """

    def __init__(
        self,
        config: ConfigLike,
        weights: str | Path | None = None,
        device: str | None = None,
        show_progress: bool = True,
    ) -> None:
        weights = weights_or_run(config, weights)
        cfg = read_config(config)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mim_secrets'):
            model = MODELS.build(cfg.model)
        if not (hasattr(model, 'start') and hasattr(model, 'track')):
            raise TypeError(
                f'{type(model).__name__} has no start and track, so that it follows nothing; '
                'name the config of a tracker.'
            )
        fill_model(model, weights)
        self.model = model.to(torch.device(device or get_device())).eval()
        self.show_progress = show_progress

    def __call__(
        self,
        footage: Footage,
        box: Sequence[float] | np.ndarray | None = None,
        *,
        out_dir: str | Path | None = None,
    ) -> dict[str, Any]:
        """Follow what is in the box.

        A frame that cannot be read ends it, and so does Ctrl-C: what is done is returned,
        and whole in the files.

        Args:
            footage: A video file, a folder of frames, or the number of a camera.
            box: x, y, width and height in the first frame, in pixels.
            out_dir: Boxes are written to ``preds/NAME.csv``, row by row, and a video
                with them to ``vis/NAME.mp4``.

        Returns:
            ``boxes`` (N, 4) and ``scores`` (N,), the given box first, with a score of 1;
            ``stopped``, a sentence where not all frames are done, or else ``None``;
            ``files``, those written; ``tracker_fps``, frames per second of the tracker
            alone; ``fps``, the same with reading, drawing and writing.
        """
        box = _four_numbers(box)
        boxes, scores, seconds, stopped, notes = [], [], 0.0, None, None
        with ExitStack() as stack:
            frames = stack.enter_context(open_frames(footage))
            begin = time.perf_counter()
            steps = self.follow(frames.images, box)
            step = next(steps)  # before anything is written
            if out_dir is not None:
                notes = stack.enter_context(Notes(Path(out_dir), frames, footage, step.image))
            show = progress_display if self.show_progress and frames.total else no_display
            progress = stack.enter_context(show('following'))
            asked = stack.enter_context(asked_to_stop())
            try:
                while step is not None:
                    if notes:
                        notes.add(step)
                    boxes.append(step.box)
                    scores.append(step.score)
                    seconds += step.seconds
                    progress(len(boxes), max(frames.total or 0, len(boxes)))
                    step = None if asked.is_set() else next(steps, None)
            except FrameError as error:
                stopped = str(error)
            if asked.is_set() and not frames.live and len(boxes) != frames.total:
                stopped = 'Interrupted.'  # as only a camera has to end
        return dict(
            boxes=np.array(boxes).reshape(-1, 4),
            scores=np.array(scores),
            stopped=stopped,
            files=notes.files if notes else [],
            tracker_fps=(len(boxes) - 1) / seconds if seconds else None,
            fps=len(boxes) / (time.perf_counter() - begin),
        )

    def follow(self, images: Iterator[np.ndarray], box: np.ndarray) -> Iterator[Step]:
        """One step for each of some images (H, W, 3), uint8, BGR."""
        image = next(images, None)
        if image is None:
            raise FrameError('There is no frame to look at.')
        check_first_box(box, image)
        (state,) = self.model.start([image], [box])
        yield Step(image, box, 1.0)
        for number, image in enumerate(images, 2):
            begin = time.perf_counter()
            ((box, score, state),) = self.model.track([image], [state])
            seconds = time.perf_counter() - begin
            box = np.asarray(box, dtype=np.float64).reshape(4)
            if not usable(box[None]).all():
                raise FrameError(f'frame {number}: the tracker gave {box.tolist()}, no box.')
            yield Step(image, box, score, seconds)


@contextmanager
def asked_to_stop() -> Iterator[Event]:
    """Set by Ctrl-C, so that the frame at hand is finished in all files; a second Ctrl-C is an
    ordinary one. Where no main thread hears it, it is left to those who do."""
    asked = Event()
    before = signal.getsignal(signal.SIGINT)
    if current_thread() is not main_thread() or before != signal.default_int_handler:
        yield asked
        return

    def ask(number: int, frame: object) -> None:
        asked.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, ask)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


class Notes:
    """Boxes as a table, row by row, and a video with them; both complete once closed.

    Args:
        out_dir: The table is written to its ``preds``, the video to its ``vis``.
        frames: Where the boxes are.
        footage: From which they come, and which is not written over.
        image: The first of them.
    """

    def __init__(self, out_dir: Path, frames: Frames, footage: Footage, image: np.ndarray) -> None:
        table, video = out_dir / 'preds' / f'{frames.name}.csv', out_dir / 'vis' / frames.name
        if Path(str(footage)).resolve() in [path.resolve() for path in places_of(video)]:
            raise ValueError(
                f'The annotated video would take the place of {footage} itself; name another '
                'folder for what is written.'
            )
        table.parent.mkdir(parents=True, exist_ok=True)
        self._stack, self._count, self._video = ExitStack(), 0, None
        self._file = self._stack.enter_context(table.open('w', newline=''))
        self._rows = csv.writer(self._file)
        self._rows.writerow(COLUMNS)
        self.files = [table]
        try:
            video = VideoFile(video, frames.rate, image.shape[:2])
        except NoVideoError as error:  # boxes are worth having without it
            print_log(str(error), logger='current', level=logging.WARNING)
        else:
            self._video = self._stack.enter_context(video)
            self.files.append(video.path)

    def __enter__(self) -> 'Notes':
        return self

    def __exit__(self, *failure: object) -> None:
        self._stack.close()

    def add(self, step: Step) -> None:
        row = [f'{number:.3f}' for number in step.box] + [f'{step.score:.4f}']
        self._rows.writerow([self._count, *row])
        self._file.flush()
        if self._video:
            text, colour = (f'{step.score:.2f}', FOUND) if self._count else ('given', GIVEN)
            self._video.write(step.image, step.box, text, colour)
        self._count += 1


def _four_numbers(box: Sequence[float] | np.ndarray | None) -> np.ndarray:
    if box is None:
        raise ValueError(
            'A tracker must be told what to follow: give box=(x, y, width, height) in the first '
            'frame, on the command line --box X Y WIDTH HEIGHT.'
        )
    box = np.asarray(box, dtype=np.float64)
    if box.shape != (4,):
        raise ValueError(f'box has {box.size} numbers; give x, y, width and height.')
    return box
