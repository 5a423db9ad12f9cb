"""Positions of another grid, against definitions written another way."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.interpolate import RectBivariateSpline

from mim_secrets.checkpoint.resizing import (
    resize_bias_table,
    resize_decomposed,
    resize_positions,
    source_of,
    table_window,
)


@pytest.mark.parametrize('extra', [0, 1])
@pytest.mark.parametrize('stored', [0, 1, 2])
@pytest.mark.parametrize('grid', [(16, 12), (14, 14), (7, 9)])
def test_any_grid_with_or_without_a_class_token(extra, stored, grid) -> None:
    """Breaks when a class row is resized as a patch, or lost, or rows and columns are
    exchanged."""
    patches, rows = torch.randn(1, 6, 14, 14), torch.randn(1, stored, 6)
    table = torch.cat([rows, patches.flatten(2).mT], dim=1)
    resized, source = resize_positions(table, grid, extra)
    expected = patches if grid == (14, 14) else F.interpolate(patches, grid, mode='bicubic')
    assert source == (14, 14)
    assert resized.shape == (1, extra + grid[0] * grid[1], 6)
    torch.testing.assert_close(resized[:, extra:], expected.flatten(2).mT)
    if extra:
        torch.testing.assert_close(resized[:, :1], rows[:, :1] if stored else torch.zeros(1, 1, 6))


def test_a_rectangle_has_to_be_named() -> None:
    """Breaks when the grid of a rectangle is guessed, or a wrong name accepted."""
    table = torch.randn(1, 1 + 16 * 12, 6)
    resized, source = resize_positions(table, (14, 14), 1, stated=(16, 12))
    assert source == (16, 12)
    assert resized.shape == (1, 197, 6)
    same, _ = resize_positions(table, (16, 12), 1)
    torch.testing.assert_close(same, table)
    with pytest.raises(ValueError, match='193 rows, which is no square grid; name .* source_grid'):
        resize_positions(table, (14, 14), 1)
    with pytest.raises(ValueError, match='no grid of 15x12'):
        resize_positions(table, (14, 14), 1, stated=(15, 12))


def test_an_ambiguous_grid_is_asked_for() -> None:
    """Breaks when 144 positions are silently read as 12x12 by an encoder of 16x9."""
    with pytest.raises(ValueError, match='may be 12x12 or 16x9; say which'):
        source_of(145, (16, 9))
    assert source_of(145, (16, 9), stated=(16, 9)) == ((16, 9), 1)
    assert source_of(145, (12, 12)) == ((12, 12), 1)


def test_a_class_token_has_a_row() -> None:
    """Breaks when a class token and 4x6 patches are taken for 5x5 patches."""
    assert source_of(25, (4, 4)) == ((5, 5), 0)
    with pytest.raises(ValueError, match='25 rows, which is no square grid'):
        source_of(25, (4, 4), class_token=True)


def distances(source: int, target: int) -> np.ndarray:
    """Offsets 1, 1 + q, 1 + q + q^2, ... of which the last is the target's reach."""
    steps, reach = source - 1, target - 1
    ratios = np.linspace(1.01, 1.5, 490_001)
    q = ratios[np.argmin(np.abs((ratios**steps - 1) / (ratios - 1) - reach))]
    return np.array([sum(q**j for j in range(i + 1)) for i in range(steps)])


@pytest.mark.parametrize(
    ('source', 'target'),
    [((6, 6), (7, 7)), ((7, 7), (12, 12)), ((12, 12), (7, 7)), ((4, 7), (8, 5))],
)
@pytest.mark.parametrize('class_rows', [0, 3])
def test_bias_tables_follow_the_geometric_grid(source, target, class_rows) -> None:
    """Breaks when offsets are spread or splined otherwise than in BEiT and Swin, whose
    way through ``interp2d`` is gone from SciPy, or an axis is taken for the other."""
    rows, columns = (2 * size - 1 for size in source)
    table = torch.randn(rows * columns + class_rows, 3, dtype=torch.float64)
    axes = [distances(old, new) for old, new in zip(source, target, strict=True)]
    y, x = (np.concatenate([-axis[::-1], [0], axis]) for axis in axes)
    wanted = [
        np.clip(np.arange(1.0 - new, new), known[0], known[-1])
        for new, known in zip(target, (y, x), strict=True)
    ]
    actual = resize_bias_table(table, source, target)
    for head in range(3):
        values = table[: rows * columns, head].view(rows, columns).numpy()
        expected = RectBivariateSpline(y, x, values, s=0)(*wanted)
        np.testing.assert_allclose(
            actual[: expected.size, head].view(expected.shape), expected, atol=2e-4
        )
    assert torch.equal(actual[expected.size :], table[rows * columns :])


def test_a_table_that_fits_is_left_alone() -> None:
    """Breaks when equal windows cost a rounding or a copy."""
    table = torch.randn(49, 3)
    assert resize_bias_table(table, (4, 4), (4, 4)) is table
    assert resize_decomposed(table, 25) is table


@pytest.mark.parametrize(
    ('rows', 'expected'), [(169, ((7, 7), 0)), (172, ((7, 7), 3)), (1, ((1, 1), 0))]
)
def test_the_window_behind_a_table(rows: int, expected: tuple) -> None:
    """Breaks when the rows of a class token are taken for offsets."""
    assert table_window(rows) == expected


def test_a_table_of_no_window() -> None:
    """Breaks when a rectangle's table is guessed at."""
    with pytest.raises(ValueError, match='117 rows, which is no square window'):
        table_window(9 * 13)
    assert table_window(9 * 13, stated=(5, 7)) == ((5, 7), 0)


def test_decomposed_positions_are_linear_between_neighbours() -> None:
    """Breaks when one axis of ViTDet's tables is resized in another order."""
    ramp = torch.arange(9.0)[:, None].expand(9, 4)
    resized = resize_decomposed(ramp, 9)
    assert resized.shape == (17, 4)
    places = ((np.arange(17) + 0.5) * 9 / 17 - 0.5).clip(0, 8)
    np.testing.assert_allclose(resized[:, 2], places, atol=1e-5)
