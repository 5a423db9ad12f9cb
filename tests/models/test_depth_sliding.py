"""Windows over images that are predicted in parts."""

import numpy as np
import pytest
import torch

from mim_secrets.models.depth.sliding import (
    Box,
    average,
    flipped_too,
    shifted_boxes,
    sliding_boxes,
)

SIZES = [(48, 64), (64, 48), (35, 122), (122, 35), (40, 40), (17, 16), (7, 100)]


def coverage(size: tuple[int, int], boxes: list[Box]) -> np.ndarray:
    counts = np.zeros(size, int)
    for rows, columns in boxes:
        assert 0 <= rows.start < rows.stop <= size[0]
        assert 0 <= columns.start < columns.stop <= size[1]
        counts[rows, columns] += 1
    return counts


@pytest.mark.parametrize('count', [1, 2, 3, 16])
@pytest.mark.parametrize('size', SIZES)
def test_shifted_squares_cover_every_pixel(size: tuple[int, int], count: int) -> None:
    """Breaks when columns at an edge are never predicted, as in the reference, or when a
    portrait image has no windows."""
    boxes = shifted_boxes(size, count)
    assert coverage(size, boxes).all()
    short, long = min(size), max(size)
    shapes = {(rows.stop - rows.start, columns.stop - columns.start) for rows, columns in boxes}
    assert shapes == {(short, short)}
    if count * short >= long:
        assert len(boxes) == min(count, long - short + 1)


@pytest.mark.parametrize('size', SIZES)
@pytest.mark.parametrize(('window', 'stride'), [((32, 32), (16, 10)), ((16, 60), (16, 60))])
def test_sliding_windows_cover_every_pixel(
    size: tuple[int, int], window: tuple[int, int], stride: tuple[int, int]
) -> None:
    """Breaks when the last window of a row or column does not end at the edge, or an image
    smaller than a window has none."""
    boxes = sliding_boxes(size, window, stride)
    assert coverage(size, boxes).all()
    assert len(set(map(str, boxes))) == len(boxes)


def columns(boxes: list[Box]) -> list[int]:
    return [box[1].start for box in boxes]


def test_nyu_has_the_two_windows_of_the_paper() -> None:
    """Breaks when the windows of NYUv2 lie elsewhere than at columns 0 and 160."""
    for compat in (False, True):
        assert columns(shifted_boxes((480, 640), 2, compat)) == [0, 160]
    assert columns(sliding_boxes((480, 640), (480, 480), (160, 160))) == [0, 160]


def test_kitti_has_sixteen_and_misses_nothing() -> None:
    """Breaks when our sixteen windows do not reach the last column, or those of the
    reference are others than its nine uncovered columns tell."""
    size = (352, 1216)
    ours, theirs = shifted_boxes(size, 16), shifted_boxes(size, 16, reference_compat=True)
    assert len(ours) == len(theirs) == 16
    assert (columns(ours)[0], columns(ours)[-1]) == (0, 1216 - 352)
    assert columns(theirs) == [57 * index for index in range(16)]
    missed = np.flatnonzero(coverage(size, theirs)[0] == 0)
    assert missed.tolist() == list(range(1207, 1216))
    parts = average(lambda images: images[:, :1], torch.ones(1, 3, *size), theirs)
    assert parts[..., :1207].eq(1).all() and parts[..., 1207:].isnan().all()


def test_windows_are_averaged_where_they_overlap() -> None:
    """Breaks when a window is put elsewhere, counted twice, or weighs more than another."""
    calls = []

    def predict(images: torch.Tensor) -> torch.Tensor:
        calls.append(images.clone())
        return images[:, :1] + 10.0 * len(calls)

    images = torch.randn(2, 3, 4, 7, generator=torch.Generator().manual_seed(0))
    actual = average(predict, images, sliding_boxes((4, 7), (4, 4), (2, 2)))
    starts = [0, 2, 3]
    assert [torch.equal(c, images[..., s : s + 4]) for c, s in zip(calls, starts)] == [True] * 3
    for column in range(7):
        seen_by = [10.0 * (i + 1) for i, start in enumerate(starts) if start <= column < start + 4]
        expected = images[:, :1, :, column] + sum(seen_by) / len(seen_by)
        torch.testing.assert_close(actual[..., column], expected)


def test_the_mirror_image_says_the_same() -> None:
    """Breaks when the prediction for the mirror image is not mirrored back."""
    ramp = torch.arange(6.0).expand(1, 1, 2, 6)
    both = flipped_too(lambda images: images[:, :1] * ramp)
    images = torch.randn(1, 3, 2, 6, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(both(images), images[:, :1] * 2.5)
    torch.testing.assert_close(both(images.flip(-1)), both(images).flip(-1))
