"""Windows around boxes, and the way from the crop back to the frame."""

import numpy as np
import pytest

from mim_secrets.datasets.tracking import (
    clip_to_frame,
    cut,
    to_frame,
    to_window,
    window_around,
)


def ramp(height: int = 60, width: int = 80) -> np.ndarray:
    """Blue is the column, green the row."""
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([columns, rows, np.full_like(rows, 255)]).astype(np.uint8)


def test_the_side_is_a_factor_of_the_root_of_the_area():
    """Breaks when the window is made from a side of the box, or is not around its middle."""
    window = window_around(np.array([10.0, 20.0, 4.0, 16.0]), 2.0)
    assert (window.x, window.y, window.side) == (4.0, 20.0, 16.0)
    moved = window_around(np.array([10.0, 20.0, 4.0, 16.0]), 2.0, (3.0, -1.0))
    assert (moved.x, moved.y, moved.side) == (7.0, 19.0, 16.0)


def test_a_window_at_full_size_is_the_pixels_of_the_frame():
    """Breaks when crops lie half a pixel off."""
    frame = ramp()
    window = window_around(np.array([30.0, 20.0, 8.0, 8.0]), 2.0)
    np.testing.assert_array_equal(cut(frame, window, 16), frame[16:32, 26:42])


@pytest.mark.parametrize('size', [8, 32, 64])
def test_a_scaled_window_shows_what_lies_below_each_pixel(size: int):
    """Breaks when scaling shifts the picture: the middle of crop pixel i lies at
    (i + 0.5) * side / size in the window."""
    window = window_around(np.array([30.0, 20.0, 8.0, 8.0]), 2.0)
    found = cut(ramp(), window, size)
    middles = (np.arange(size) + 0.5) * window.side / size - 0.5
    assert np.abs(found[size // 2, :, 0] - (window.x + middles)).max() <= 0.51
    assert np.abs(found[:, size // 2, 1] - (window.y + middles)).max() <= 0.51


def test_beyond_the_frame_is_black():
    """Breaks when the edge is repeated or the window is pushed into the frame."""
    window = window_around(np.array([-6.0, 50.0, 12.0, 12.0]), 2.0)
    found = cut(ramp(), window, 24)
    assert (found[:, :11] == 0).all() and (found[17:] == 0).all()
    assert (found[:15, 13:, 2] == 255).all()


def test_boxes_go_there_and_back():
    """Breaks when the mapping and its inverse do not belong together."""
    rng = np.random.default_rng(0)
    boxes = rng.uniform(1, 50, (7, 4))
    window = window_around(boxes[0], 4.0, (2.0, 3.0))
    shares = to_window(boxes, window)
    np.testing.assert_allclose(to_frame(shares, window), boxes, atol=1e-12)
    np.testing.assert_allclose(shares[0, 2:] * window.side, boxes[0, 2:])
    np.testing.assert_allclose(to_frame(np.array([0, 0, 1, 1]), window)[2:], window.side)


def test_a_drawn_box_is_found_in_the_crop():
    """Breaks when picture and box do not go the same way."""
    frame = np.zeros((60, 80, 3), np.uint8)
    frame[20:32, 30:46] = 255
    box = np.array([30.0, 20.0, 16.0, 12.0])
    window = window_around(box, 4.0, (5.3, -3.7))
    white = cut(frame, window, 128)[..., 0] > 127
    rows, columns = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
    x, y, width, height = to_window(box, window) * 128
    assert abs(columns[0] - x) < 1 and abs(columns[-1] + 1 - x - width) < 1
    assert abs(rows[0] - y) < 1 and abs(rows[-1] + 1 - y - height) < 1


def test_boxes_are_cut_at_the_frame_and_never_vanish():
    """Breaks when a tracker can leave the frame for good, or a box turns inside out."""
    boxes = np.array([
        [10.0, 10.0, 20.0, 20.0], [-5.0, -5.0, 20.0, 20.0], [70.0, 50.0, 40.0, 40.0],
        [-90.0, 10.0, 20.0, 2.0], [200.0, 300.0, 5.0, 5.0],
    ])  # fmt: skip
    found = clip_to_frame(boxes, 60, 80)
    np.testing.assert_allclose(found[:3], [[10, 10, 20, 20], [0, 0, 15, 15], [70, 50, 10, 10]])
    np.testing.assert_allclose(found[3:], [[0, 10, 10, 10], [70, 50, 10, 10]])
    assert (found[:, :2] >= 0).all() and (found[:, :2] + found[:, 2:] <= (80, 60)).all()
    assert clip_to_frame(boxes[4], 6, 8).tolist() == [0, 0, 8, 6]


def test_a_box_that_has_vanished_still_has_a_window():
    """Breaks when a window of no side divides by zero."""
    window = window_around(np.array([10.0, 10.0, 0.0, -3.0]), 4.0)
    assert window.side == 1.0 and cut(ramp(), window, 8).shape == (8, 8, 3)
