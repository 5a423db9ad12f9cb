"""Windows: cut and put together, fitted, masked, indexed."""

import pytest
import torch

from mim_secrets.models.backbones.windows import (
    cut_index,
    fit_window,
    merge_windows,
    relative_coordinates,
    relative_index,
    shift_mask,
    split_windows,
)


def test_windows_are_cut_row_by_row_and_go_back() -> None:
    """Breaks when rows and columns are mixed up, which squares would hide."""
    maps = torch.arange(2 * 4 * 6 * 3).view(2, 4, 6, 3)
    windows = split_windows(maps, (2, 3))
    assert windows.shape == (2, 4, 6, 3)
    assert torch.equal(windows[1, 2], maps[1, 2:4, :3].reshape(6, 3))
    assert torch.equal(merge_windows(windows, (2, 3), (4, 6)), maps)


@pytest.mark.parametrize(
    ('grid', 'window', 'shift'),
    [
        ((8, 9), (7, 7), (3, 3)),
        ((7, 7), (7, 7), (0, 0)),
        ((5, 3), (5, 3), (0, 0)),
        ((5, 8), (5, 7), (0, 3)),
    ],
)
def test_each_axis_gets_a_window_of_its_own(grid, window, shift) -> None:
    """Breaks when one covered axis decides for the other."""
    assert fit_window(grid, 7, 3) == (window, shift)


def test_the_mask_parts_what_rolling_brought_together() -> None:
    """Breaks when tokens from opposite ends of the map see each other, or when
    neighbours no longer do."""
    grid, window, shift = (6, 8), (3, 4), (1, 2)
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(8), indexing='ij')
    places = torch.stack([rows, columns], dim=-1)[None].roll((-1, -2), (1, 2))
    places = split_windows(places, window)[0]  # (nW, N, 2), where tokens came from
    distance = (places[:, :, None] - places[:, None, :]).abs()
    near = (distance < torch.tensor(window)).all(dim=-1)
    mask = shift_mask(grid, window, shift)
    assert torch.equal(mask, torch.where(near, 0.0, -100.0))
    assert not shift_mask(grid, window, (0, 0)).any()


def test_the_index_counts_offsets_row_by_row() -> None:
    """Breaks when the sign or the order of offsets turns round."""
    index = relative_index((2, 3)).view(2, 3, 2, 3)
    assert index.min() == 0 and index.max() == 14
    for query in ((0, 0), (1, 2), (0, 1)):
        for key in ((0, 0), (1, 0), (1, 2)):
            down, across = query[0] - key[0] + 1, query[1] - key[1] + 2
            assert index[(*query, *key)] == down * 5 + across


def test_a_cut_window_reads_the_same_offsets() -> None:
    """Breaks when a cut window reads another offset's row."""
    whole = torch.arange(13 * 13).view(13, 13)
    part = whole[6 - 3 : 6 + 4, 6 - 1 : 6 + 2].flatten()
    index = cut_index(relative_index((7, 7)), (7, 7), (4, 2))
    assert torch.equal(whole.flatten()[index], part[relative_index((4, 2))])


def test_coordinates_are_logarithmic_in_units_of_the_normalizer() -> None:
    """Breaks when the scale follows the present window instead of the given one, or
    when a window of one token divides by zero."""
    table = relative_coordinates((3, 5), (3, 3))
    assert table.shape == (1, 5, 9, 2)
    longest = torch.log2(torch.tensor([9.0, 17.0])) / 3
    torch.testing.assert_close(table[0, -1, -1], longest)
    torch.testing.assert_close(table[0, 0, 0], -longest)
    assert table[0, 2, 4].tolist() == [0, 0]
    assert relative_coordinates((1, 1), (1, 1)).tolist() == [[[[0, 0]]]]
