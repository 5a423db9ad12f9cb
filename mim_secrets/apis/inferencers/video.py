"""Frames out of videos, folders and cameras, and videos out of frames."""

import math
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# FFmpeg has thousands of lines to say about a damaged video; it asks for this once.
os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')

import cv2
import numpy as np

from mim_secrets.apis.inferencers.canvas import INK, SHORTEST, Colour
from mim_secrets.apis.inferencers.inputs import SUFFIXES
from mim_secrets.datasets.tracking import SequenceError, read_frame

USUAL_RATE = 25.0  # frames per second, where nothing tells
# Best first: OpenCV's own builds have both, other builds perhaps the second alone.
CODECS = (('.mp4', 'mp4v'), ('.avi', 'MJPG'))

Footage = str | Path | int


class FrameError(ValueError):
    """A frame that cannot be had; the message says which."""


class NoVideoError(OSError):
    """No video can be written."""


@dataclass(frozen=True)
class Frames:
    """What a video, a folder or a camera gives, read as it is asked for."""

    name: str  # of what is written about it
    rate: float  # frames per second
    total: int | None  # how many there will be, where that is known
    live: bool  # from a camera, which has no end
    images: Iterator[np.ndarray]  # (H, W, 3), uint8, BGR, all of one size


@contextmanager
def open_frames(footage: Footage) -> Iterator[Frames]:
    """Open a video file, a folder of frames, or the camera of a number.

    Frames of a folder are in the order of the numbers in their names.
    """
    path = Path(footage if isinstance(footage, Path) else str(footage))
    if path.is_dir():
        paths = _in_order(path)
        yield Frames(path.resolve().name, USUAL_RATE, len(paths), False, _read_all(paths))
        return
    live = str(footage).isdigit() and not path.exists()
    if not live and not path.is_file():
        raise FileNotFoundError(
            f'There is no {footage}; give a video file, a folder of frames or the number of a '
            'camera.'
        )
    capture = _opened(int(str(footage)) if live else path)
    try:
        rate, count = (capture.get(key) for key in (cv2.CAP_PROP_FPS, cv2.CAP_PROP_FRAME_COUNT))
        rate = round(rate, 2) if 1 <= rate <= 1000 else USUAL_RATE
        if live:
            yield Frames(f'camera{path}', rate, None, True, _filmed(capture, path))
        else:
            total = int(count) if 0 < count < 2**31 else None
            yield Frames(path.stem, rate, total, False, _decoded(capture, path, total))
    finally:
        capture.release()


def _in_order(folder: Path) -> list[Path]:
    paths = [
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith('.')
    ]
    if not paths:
        raise FileNotFoundError(f'There is no frame in {folder}; looked for {", ".join(SUFFIXES)}.')
    # 10.jpg comes after 9.jpg
    return sorted(paths, key=lambda path: [*map(_number, re.split(r'(\d+)', path.name))])


def _number(part: str) -> tuple[int, str]:
    return (int(part), '') if part.isdecimal() else (-1, part)


def _read_all(paths: list[Path]) -> Iterator[np.ndarray]:
    shape = None
    for index, path in enumerate(paths):
        which = f'frame {index + 1} of {len(paths)}'
        try:
            image = read_frame(str(path))
        except SequenceError as error:
            raise FrameError(f'{which}, {error}') from error
        except OSError as error:
            raise FrameError(f'{which}, {path}, cannot be read ({error}).') from error
        shape = shape or image.shape
        if image.shape != shape:
            (height, width), (rows, columns) = image.shape[:2], shape[:2]
            raise FrameError(
                f'{which}, {path}, has {width} x {height} pixels, but the first {columns} x {rows}.'
            )
        yield image


def _opened(which: int | Path) -> cv2.VideoCapture:
    picture = isinstance(which, Path) and which.suffix.lower() in SUFFIXES
    with _quiet():
        # OpenCV takes a picture for a video of one frame
        where = which if isinstance(which, int) else str(which)
        capture = cv2.VideoCapture() if picture else cv2.VideoCapture(where)
    if capture.isOpened():
        return capture
    if isinstance(which, int):
        raise OSError(
            f'Camera {which} does not open; it may not be there, or another program has it.'
        )
    raise ValueError(
        f'{which} is no video that OpenCV can read; give one, or a folder of its frames.'
    )


def _decoded(capture: cv2.VideoCapture, path: Path, total: int | None) -> Iterator[np.ndarray]:
    done = 0
    while (image := _next(capture)) is not None:
        done += 1
        yield image
    # a damaged frame reads like the end; headers are wrong by a frame or two
    if capture.grab() or (total is not None and done < 0.99 * total - 1):
        of_how_many = f' of {total}' if total else ''
        raise FrameError(f'frame {done + 1}{of_how_many} of {path} cannot be decoded.')


def _filmed(capture: cv2.VideoCapture, number: Path) -> Iterator[np.ndarray]:
    while (image := _next(capture)) is not None:
        yield image
    raise FrameError(f'camera {number} gives no more frames.')


def _next(capture: cv2.VideoCapture) -> np.ndarray | None:
    good, image = capture.read()
    return image if good else None


@contextmanager
def _quiet() -> Iterator[None]:
    """What does not open is told by us."""
    logging: Any = cv2.utils.logging
    level = logging.getLogLevel()
    logging.setLogLevel(logging.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        logging.setLogLevel(level)


def places_of(stem: Path) -> list[Path]:
    """Where a video may be written, the likeliest first."""
    return [stem.with_name(stem.name + suffix) for suffix, _ in CODECS]


class VideoFile:
    """A video that is written frame by frame, and complete whenever it is closed.

    Args:
        stem: Its path without suffix.
        rate: Frames per second.
        shape: (H, W) of the frames; small ones are enlarged.
    """

    def __init__(self, stem: Path, rate: float, shape: tuple[int, int]) -> None:
        self.factor = math.ceil(SHORTEST / max(shape))
        self.size = (shape[1] * self.factor, shape[0] * self.factor)
        stem.parent.mkdir(parents=True, exist_ok=True)
        for self.path, (_, codec) in zip(places_of(stem), CODECS, strict=True):
            code = cv2.VideoWriter.fourcc(*codec)
            with _quiet():
                self._writer = cv2.VideoWriter(str(self.path), code, rate, self.size)
            if self._writer.isOpened():
                return
            self.path.unlink(missing_ok=True)
        codecs = ' nor '.join(f'{codec} in {suffix}' for suffix, codec in CODECS)
        raise NoVideoError(
            f'This OpenCV writes neither {codecs} to {stem.parent}, so that there is no annotated '
            'video; pip install opencv-python brings one that does.'
        )

    def __enter__(self) -> 'VideoFile':
        return self

    def __exit__(self, *failure: object) -> None:
        self._writer.release()

    def write(self, image: np.ndarray, box: np.ndarray, text: str, colour: Colour) -> None:
        """Append a frame (H, W, 3), uint8, BGR, with a box (4,) and a text at it."""
        image = cv2.resize(image, self.size, interpolation=cv2.INTER_CUBIC)
        draw_box(image, box * self.factor, text, colour)
        self._writer.write(image)


def draw_box(image: np.ndarray, box: np.ndarray, text: str, colour: Colour) -> None:
    """Draw x, y, width, height on a picture (H, W, 3), BGR, and a text above it.

    The same look as on a ``Canvas``, which takes longer than a tracker may.
    """
    height, width = image.shape[:2]
    line = max(2, round(max(height, width) / 300))
    paint, ink = colour[::-1], INK[::-1]
    x, y = np.floor(box[:2]).astype(int).tolist()
    right, bottom = (np.ceil(box[:2] + box[2:]).astype(int) - 1).tolist()
    for shade, thickness in ((ink, line + 2), (paint, line)):
        cv2.rectangle(image, (x, y), (right, bottom), shade, thickness)
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, max(0.4, min(height, width) / 900)
    (wide, tall), below = cv2.getTextSize(text, font, scale, 1)
    x = min(max(x, 0), max(width - wide - 6, 0))
    y = min(max(y - tall - below - 4, 0), max(height - tall - below - 4, 0))
    cv2.rectangle(image, (x, y), (x + wide + 5, y + tall + below + 3), paint, cv2.FILLED)
    cv2.putText(image, text, (x + 3, y + tall + 2), font, scale, ink, 1, cv2.LINE_AA)
