"""A video with a box around one thing, as every reader gives it."""

from dataclasses import dataclass

import numpy as np

from ..decoding import BadImageError, open_picture
from ..sources import read_bytes


class SequenceError(ValueError):
    """A sequence or frame that cannot be used; of what a data loader adds, only the sentence
    is kept."""

    def __init__(self, message: str) -> None:
        super().__init__(message.rsplit(f'{type(self).__name__}: ', 1)[-1].strip())


@dataclass(frozen=True)
class Sequence:
    """N frames. Boxes are x, y, width, height in pixels of the frame, where pixel i covers the
    interval from i to i + 1; they are zero where they are not valid.

    Test splits whose truth is on a server have one box, that of the first frame; then the
    other arrays have one entry as well.
    """

    name: str
    frames: list[str]
    boxes: np.ndarray  # (N, 4) float64
    visible: np.ndarray  # (N,) bool: False where hidden, out of view or not valid
    valid: np.ndarray  # (N,) bool: the box has an area
    cover: np.ndarray | None  # (N,) float64, visible share in 0..1, where the benchmark tells
    attributes: tuple[str, ...]
    benchmark: str

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def has_truth(self) -> bool:
        """Whether the boxes of all frames are known."""
        return len(self.boxes) == len(self.frames)


def make_sequence(
    benchmark: str,
    name: str,
    frames: list[str],
    boxes: np.ndarray,
    hidden: np.ndarray | None = None,
    cover: np.ndarray | None = None,
    attributes: tuple[str, ...] = (),
) -> Sequence:
    """A sequence from boxes (N, 4) that may be empty, and labels (N,) of hidden frames."""
    valid = np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)
    visible = valid if hidden is None else valid & ~hidden
    if cover is not None:
        visible = visible & (cover > 0)
    boxes = np.where(valid[:, None], boxes, 0.0)
    return Sequence(name, frames, boxes, visible, valid, cover, attributes, benchmark)


def read_frame(path: str) -> np.ndarray:
    """A frame (H, W, 3), uint8, BGR; SequenceError where there is none."""
    try:
        picture = open_picture(read_bytes(path))
        height, width = picture.shape
        return picture.region((0, 0, height, width), (height, width))
    except BadImageError as error:
        raise SequenceError(f'{path}: the frame cannot be used, {error}.') from None
