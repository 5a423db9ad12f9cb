"""Where tokens lie, against a slow version that moves one patch at a time."""

import numpy as np
import pytest
import torch

from mim_secrets.analysis.adapters.places import Windows, list_places, list_tokens
from mim_secrets.models.backbones.windows import fit_window

CPU = torch.device('cpu')
STRIDE = 4

# (grid, window, shift): whole, odd, padded on one axis and on both; windows that are no
# squares; cut to a map that one axis, or both, cover; a window larger than the map.
CASES = [
    ((6, 8), (2, 4), (0, 0)),
    ((6, 8), (2, 4), (1, 2)),
    ((5, 7), (3, 3), (0, 0)),
    ((5, 7), (3, 3), (1, 1)),
    ((6, 7), (3, 3), (1, 1)),
    ((7, 5), (4, 3), (2, 1)),
    ((9, 3), *fit_window((9, 3), 4, 2)),
    ((3, 2), *fit_window((3, 2), 4, 2)),
    ((3, 5), (4, 4), (2, 2)),
]
EVERY = pytest.mark.parametrize(
    'windows',
    [Windows(*case, roll_first=first) for case in CASES for first in (False, True)],
    ids=str,
)


def slow_sources(windows: Windows) -> np.ndarray:
    """(nW, N, 2) row and column that the patch in each place has in the map; -1 for
    padding. One place after the other."""
    (height, width), (tall, wide) = windows.grid, windows.size
    down, across = windows.shift
    rows, columns = -(-height // tall) * tall, -(-width // wide) * wide
    found = []
    for top in range(0, rows, tall):
        for left in range(0, columns, wide):
            window = []
            for y in range(top, top + tall):
                for x in range(left, left + wide):
                    if windows.roll_first:
                        inside = y < height and x < width
                        row, column = (y + down) % height, (x + across) % width
                    else:
                        row, column = (y + down) % rows, (x + across) % columns
                        inside = row < height and column < width
                    window.append((row, column) if inside else (-1, -1))
            found.append(window)
    return np.array(found)


@EVERY
def test_every_token_holds_the_patch_of_its_place(windows: Windows) -> None:
    """Breaks when windows are counted by column, the roll goes the other way, or maps are
    padded at the wrong end or the wrong time."""
    sources = slow_sources(windows)
    places = windows.places(STRIDE, CPU)
    patch = sources[..., 0] >= 0
    np.testing.assert_array_equal(places.patch, patch)
    np.testing.assert_array_equal(places.centres[patch], (sources[patch] + 0.5) * STRIDE)
    assert patch.sum() == windows.grid[0] * windows.grid[1]
    if patch.all():
        assert places.padding is None and places.queries().all()
    else:
        np.testing.assert_array_equal(places.padding, ~patch)
        np.testing.assert_array_equal(places.queries(), patch)


@EVERY
def test_distances_are_those_of_the_image(windows: Windows) -> None:
    """Breaks when a distance is measured in the window, where the patches of opposite
    ends are neighbours, or when padding has one."""
    sources = slow_sources(windows)
    actual = windows.places(STRIDE, CPU).distances()
    for window, tokens in enumerate(sources):
        for i, (row, column) in enumerate(tokens):
            for j, (other_row, other_column) in enumerate(tokens):
                pair = row >= 0 and other_row >= 0
                far = STRIDE * np.hypot(row - other_row, column - other_column) if pair else 0
                assert actual[window, i, j].item() == pytest.approx(far, abs=1e-4)


@EVERY
def test_pairs_are_apart_that_the_roll_brought_together(windows: Windows) -> None:
    """Breaks when neighbours are kept apart, or opposite ends of a padded map are not."""
    tall, wide = windows.size
    down, across = windows.shift
    rows, columns = windows.padded
    apart = windows.places(STRIDE, CPU).apart
    if not any(windows.shift):
        assert apart is None
        return
    number = 0
    for top in range(0, rows, tall):
        for left in range(0, columns, wide):
            around = [
                # has the token been moved to the other end?
                (down > 0 and y >= rows - down, across > 0 and x >= columns - across)
                for y in range(top, top + tall)
                for x in range(left, left + wide)
            ]
            expected = [[one != other for other in around] for one in around]
            np.testing.assert_array_equal(apart[number], expected)
            number += 1


@pytest.mark.parametrize('case', CASES, ids=str)
def test_pairs_that_see_each_other_are_as_far_as_in_their_window(case: tuple) -> None:
    """Breaks when a window that is padded first lets opposite ends of an image through:
    its pairs would be farther apart than the window is long."""
    windows = Windows(*case)
    places = windows.places(STRIDE, CPU)
    inside = list_places(windows.size, STRIDE, windows.size[0] * windows.size[1], CPU).distances()
    seen = places.patch[:, :, None] & places.patch[:, None, :]
    if places.apart is not None:
        seen &= ~places.apart
    torch.testing.assert_close(places.distances()[seen], inside.expand_as(seen)[seen])


@EVERY
def test_windows_are_put_together_again(windows: Windows) -> None:
    """Breaks when tokens of windows land on other patches than they came from."""
    maps = torch.randn(2, *windows.grid, 3)
    parts = windows.split(maps)
    assert parts.shape == (2, windows.count, windows.size[0] * windows.size[1], 3)
    assert torch.equal(windows.merge(parts), maps)
    for output in (maps, maps.flatten(1, 2), parts.flatten(0, 1)):
        tokens = windows.tokens(output)
        assert (tokens.extra, tokens.grid) == (0, windows.grid)
        assert torch.equal(tokens.map(), maps)


def test_class_tokens_come_before_the_patches() -> None:
    """Breaks when a token that is no patch has a distance, or patches are counted by
    column."""
    places = list_places((2, 3), 8, 8, CPU)
    assert places.patch.tolist() == [[False, False] + [True] * 6]
    assert places.centres[0, 2:].tolist() == [[4, 4], [4, 12], [4, 20], [12, 4], [12, 12], [12, 20]]
    far = places.distances()[0]
    assert not far[:2].any() and not far[:, :2].any()
    assert far[2, 7].item() == pytest.approx(8 * 5**0.5)
    tokens = list_tokens(torch.arange(16.0).view(1, 8, 2), (2, 3))
    assert tokens.extra == 2
    assert tokens.map()[0, 1, 0].tolist() == [10, 11]


def test_fewer_tokens_than_patches_are_refused() -> None:
    """Breaks when images that an encoder crops to whole patches are measured by the
    distances of others."""
    with pytest.raises(ValueError, match='17 tokens are too few for 4 x 5 patches'):
        list_places((4, 5), 8, 17, CPU)
