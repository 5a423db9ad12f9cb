"""Patches: cut, put back, and numbered row by row."""

import numpy as np
import pytest
import torch
from mmpretrain.models.utils import build_2d_sincos_position_embedding

from mim_secrets.models.patches import (
    gather_patches,
    grid_of,
    scatter_patches,
    sincos_positions,
)


def test_patches_are_what_slicing_cuts_out() -> None:
    """Breaks when rows and columns, or channels, are confused on a rectangle."""
    images = torch.randn(2, 3, 8, 12)
    ids = torch.tensor([[0, 2, 5], [4, 3, 1]])
    patches = gather_patches(images, ids, 4)
    for image in range(2):
        for place, number in enumerate(ids[image].tolist()):
            row, column = divmod(number, 3)
            expected = images[image, :, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            assert torch.equal(patches[image, place], expected)


def test_scattering_puts_back_what_gathering_took() -> None:
    """Breaks when a patch lands elsewhere, or another one is touched."""
    images = torch.randn(2, 3, 8, 12)
    ids = torch.tensor([[0, 2, 5], [4, 3, 1]])
    patches = gather_patches(images, ids, 4)
    assert torch.equal(scatter_patches(images, ids, patches), images)

    emptied = scatter_patches(images, ids, torch.zeros_like(patches))
    assert torch.equal(gather_patches(emptied, ids, 4), torch.zeros_like(patches))
    assert torch.equal(scatter_patches(emptied, ids, patches), images)


def test_images_that_do_not_divide_are_refused() -> None:
    """Breaks when a rest of the image would silently be cut off."""
    with pytest.raises(ValueError, match='100x96 pixels do not divide'):
        grid_of(torch.zeros(1, 3, 100, 96), 16)


def test_positions_equal_mmpretrain_on_squares() -> None:
    """Breaks when checkpoints of theirs would meet other positions here."""
    theirs = build_2d_sincos_position_embedding(14, 64, cls_token=True)
    torch.testing.assert_close(sincos_positions((14, 14), 64), theirs, atol=1e-5, rtol=0)


def test_positions_follow_the_formula_on_rectangles() -> None:
    """Breaks when a rectangle is numbered column by column, as mmpretrain does."""
    table = sincos_positions((2, 3), 8)[0].numpy()
    assert not table[0].any(), 'the class token has no place'
    for number in range(6):
        row, column = divmod(number, 3)
        angles = [axis * 10000.0 ** -(k / 2) for axis in (row, column) for k in (0, 1)]
        parts = [np.sin(angles[:2]), np.cos(angles[:2])]
        parts += [np.sin(angles[2:]), np.cos(angles[2:])]
        np.testing.assert_allclose(table[1 + number], np.concatenate(parts), atol=1e-6)


def test_positions_need_a_width_divisible_by_four() -> None:
    """Breaks when a width is accepted that cannot hold two axes of two functions."""
    with pytest.raises(ValueError, match='divisible by 4'):
        sincos_positions((4, 4), 30)
