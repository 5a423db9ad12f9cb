"""Overlaps and distances of boxes, by hand."""

import math

import numpy as np
import pytest

from mim_secrets.evaluation.tracking_errors import (
    centre_distances,
    last_usable,
    normalised_distances,
    overlaps,
    pushed_inside,
)

TRUE = [10.0, 20.0, 8.0, 4.0]


@pytest.mark.parametrize(
    ('tracked', 'overlap', 'distance', 'share'),
    [
        (TRUE, 1, 0, 0),
        ([14, 20, 8, 4], 1 / 3, 4, 0.5),  # half of it to the right
        ([10, 20, 4, 4], 1 / 2, 2, 0.25),  # its left half
        ([13, 24, 8, 4], 0, 5, math.hypot(3 / 8, 1)),  # touches, and no more
        ([8, 18, 12, 8], 1 / 3, 0, 0),  # three times as large around it
        ([10, 20, 0, 4], 0, 4, 0.5),  # no area
    ],
)
def test_a_box_beside_a_true_one(
    tracked: list[float], overlap: float, distance: float, share: float
) -> None:
    """Breaks when corners are taken for sizes, when pixels are counted inclusively, or when
    width and height change places in the normalisation."""
    pair = np.array([tracked], dtype=float), np.array([TRUE])
    assert overlaps(*pair) == pytest.approx([overlap])
    assert overlaps(*pair[::-1]) == pytest.approx([overlap])
    assert centre_distances(*pair) == pytest.approx([distance])
    assert normalised_distances(*pair) == pytest.approx([share])


def test_boxes_without_area_overlap_with_nothing() -> None:
    """Breaks when 0 / 0 becomes a number that counts as right, or a warning."""
    empty = np.array([[3.0, 3, 0, 0]])
    assert overlaps(empty, empty).tolist() == [0]
    assert normalised_distances(empty, empty).tolist() == [math.inf]


def test_a_row_that_is_no_box_counts_as_the_one_before() -> None:
    """Breaks when it becomes the first box, the next one, or stays."""
    boxes = np.array([[0, 0, 1, 1], [1, 0, 1, 1], [2, 0, -1, 1], [np.nan] * 4, [4, 0, 1, 1]])
    assert last_usable(boxes)[:, 0].tolist() == [0, 1, 1, 1, 4]


def test_boxes_are_fitted_as_the_toolkit_of_got10k_does_it() -> None:
    """Breaks when a box on the left is cut; the toolkit pushes it."""
    boxes = np.array([[-5.0, 2, 10, 4], [95, -3, 10, 4], [120, 60, 5, 5]])
    expected = [[0, 2, 10, 4], [95, 0, 5, 4], [100, 50, 0, 0]]
    assert pushed_inside(boxes, (100, 50)).tolist() == expected
