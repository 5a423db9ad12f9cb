"""Square windows of a frame around a box, and the way between their coordinates.

Boxes are x, y, width, height in pixels of the frame, where pixel i covers the interval from
i to i + 1. In a window they are shares of its side, so that 0 and 1 are its edges whatever
the size it is drawn in.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_LEAST_SIDE = 1.0  # pixels of the frame, for boxes that have all but vanished


@dataclass(frozen=True)
class Window:
    """A square of the frame by its left upper corner; it may reach beyond the frame."""

    x: float
    y: float
    side: float


def why_no_template(box: np.ndarray, shape: tuple[int, ...] | None = None) -> str | None:
    """Why a tracker cannot begin with this box (4,), as the end of a sentence, if it cannot.

    Args:
        shape: (H, W, ...) of the frame, where it is known already.
    """
    x, y, w, h = box
    shown = ', '.join(f'{value:g}' for value in box)
    if not (np.isfinite(box).all() and w > 0 and h > 0):
        return f'({shown}), has no area'
    if shape is not None and (x >= shape[1] or y >= shape[0] or x + w <= 0 or y + h <= 0):
        return f'({shown}), lies outside the frame of {shape[1]} x {shape[0]} pixels'
    return None


def window_around(
    box: np.ndarray, factor: float, shift: tuple[float, float] = (0.0, 0.0)
) -> Window:
    """The window whose side is ``factor`` times the root of the box's area.

    Args:
        box: (4,).
        factor: 2 makes a window of four times the area of the box.
        shift: Of the window's middle against the box's, in pixels of the frame.
    """
    x, y, width, height = (float(v) for v in box)
    side = max(factor * (max(width, 0.0) * max(height, 0.0)) ** 0.5, _LEAST_SIDE)
    middle = x + 0.5 * width + shift[0], y + 0.5 * height + shift[1]
    return Window(middle[0] - 0.5 * side, middle[1] - 0.5 * side, side)


def cut(frame: np.ndarray, window: Window, size: int) -> np.ndarray:
    """The window (size, size, 3) of a frame (H, W, 3), bilinear; black beyond the frame."""
    scale = window.side / size
    # OpenCV counts from the middle of the first pixel.
    offset = 0.5 * scale - 0.5
    matrix = np.array([[scale, 0.0, window.x + offset], [0.0, scale, window.y + offset]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(frame, matrix, (size, size), flags=flags)


def to_window(boxes: np.ndarray, window: Window) -> np.ndarray:
    """Boxes (..., 4) of the frame as shares of the window."""
    return (boxes - _corner(window)) / window.side


def to_frame(boxes: np.ndarray, window: Window) -> np.ndarray:
    """Boxes (..., 4) in shares of the window back in pixels of the frame."""
    return boxes * window.side + _corner(window)


def clip_to_frame(boxes: np.ndarray, height: int, width: int, margin: float = 10.0) -> np.ndarray:
    """Boxes (..., 4) cut at the frame's edges; what would be left smaller than ``margin``
    pixels keeps that much, within the frame."""
    edges = np.array([width, height], dtype=np.float64)
    margin = np.minimum(margin, edges)
    low = np.clip(boxes[..., :2], 0.0, edges - margin)
    high = np.clip(boxes[..., :2] + boxes[..., 2:], margin, edges)
    return np.concatenate([low, np.maximum(high - low, margin)], axis=-1)


def _corner(window: Window) -> np.ndarray:
    return np.array([window.x, window.y, 0.0, 0.0])
