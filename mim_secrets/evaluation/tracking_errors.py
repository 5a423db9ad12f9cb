"""How far a tracked box is from the true one. Boxes are (N, 4) of x, y, w, h in pixels."""

import numpy as np


def usable(boxes: np.ndarray) -> np.ndarray:
    """(N,) whether a row is a box: four numbers, and an area."""
    # a comparison with what is not a number is false, and numpy says nothing of it
    return np.isfinite(boxes).all(1) & (boxes[:, 2:] > 0).all(1)


def last_usable(boxes: np.ndarray) -> np.ndarray:
    """A row that is no box counts as the last one before it that is; the first must be."""
    rows = np.where(usable(boxes), np.arange(len(boxes)), 0)
    return boxes[np.maximum.accumulate(rows)]


def overlaps(tracked: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(N,) intersection over union; 0 where neither has an area."""
    left_top = np.maximum(tracked[:, :2], true[:, :2])
    right_bottom = np.minimum(tracked[:, :2] + tracked[:, 2:], true[:, :2] + true[:, 2:])
    common = np.clip(right_bottom - left_top, 0, None).prod(1)
    union = tracked[:, 2:].prod(1) + true[:, 2:].prod(1) - common
    return np.divide(common, union, out=np.zeros(len(true)), where=union > 0)


def centre_distances(tracked: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(N,) pixels between the centres."""
    return np.hypot(*_between_centres(tracked, true).T)


def normalised_distances(tracked: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(N,) the same in widths and heights of the true box, each axis in its own.

    Infinite where the true box has no area.
    """
    sizes = true[:, 2:]
    shares = np.full(sizes.shape, np.inf)
    np.divide(_between_centres(tracked, true), sizes, out=shares, where=sizes > 0)
    return np.hypot(*shares.T)


def pushed_inside(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes as GOT-10k's toolkit fits them into a frame of ``size`` (width, height).

    One that begins to the left of the frame is pushed in and keeps its width; one that
    ends to the right of it is cut. So is it above and below.
    """
    size = np.asarray(size, dtype=np.float64)
    corners = np.clip(boxes[:, :2], 0, size)
    return np.concatenate([corners, np.clip(boxes[:, 2:], 0, size - corners)], axis=1)


def moved(boxes: np.ndarray, pixels: float) -> np.ndarray:
    """(N, 4) boxes for somebody who gives the first pixel another number."""
    return boxes + np.array([pixels, pixels, 0, 0])


def _between_centres(tracked: np.ndarray, true: np.ndarray) -> np.ndarray:
    return tracked[:, :2] + tracked[:, 2:] / 2 - true[:, :2] - true[:, 2:] / 2
