"""Masks: a partition of the patches, from a stream of their own."""

import pytest
import torch

from mim_secrets.models import RandomMasking

CPU = torch.device('cpu')


@pytest.mark.parametrize(
    ('ratio', 'grid', 'visible'),
    [(0.75, (14, 14), 49), (0.9, (2, 5), 1), (0.6, (6, 6), 14), (0.7, (5, 2), 3)],
)
def test_every_patch_is_either_visible_or_masked(ratio, grid, visible) -> None:
    """Breaks when ids overlap or are lost, or when rounding loses a patch
    (10 * (1 - 0.9) is 0.9999... in floating point)."""
    mask = RandomMasking(ratio)(5, grid, CPU)
    assert mask.visible.shape == (5, visible)
    together = torch.cat([mask.visible, mask.masked], dim=1).sort(dim=1).values
    assert torch.equal(together, torch.arange(grid[0] * grid[1]).expand(5, -1))


def test_binary_marks_the_masked_patches() -> None:
    """Breaks when the binary view is inverted or shifted."""
    mask = RandomMasking(0.75)(3, (4, 4), CPU)
    for image in range(3):
        marked = mask.binary()[image].nonzero().flatten().tolist()
        assert marked == sorted(mask.masked[image].tolist())


def test_patches_are_masked_equally_often() -> None:
    """Breaks when positions are favoured; 4000 draws put 5 sigma at 0.034."""
    share = RandomMasking(0.75)(4000, (4, 4), CPU).binary().float().mean(dim=0)
    assert (share - 0.75).abs().max() < 0.034


def test_masks_have_their_own_stream() -> None:
    """Breaks when masks draw from, or disturb, torch's global generator."""
    masking = RandomMasking(0.75)
    masking.reseed(3)
    before = torch.get_rng_state()
    first, second = masking(2, (8, 8), CPU), masking(2, (8, 8), CPU)
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.equal(first.visible, second.visible)

    torch.rand(7)
    masking.reseed(3)
    assert torch.equal(masking(2, (8, 8), CPU).visible, first.visible)


@pytest.mark.parametrize('ratio', [0.0, 1.0, 1.5])
def test_a_senseless_ratio_is_refused(ratio: float) -> None:
    """Breaks when nothing, or everything, may be masked."""
    with pytest.raises(ValueError, match='between 0 and 1'):
        RandomMasking(ratio)


def test_a_ratio_that_leaves_nothing_visible_is_refused() -> None:
    """Breaks when an encoder may be fed no patch at all."""
    with pytest.raises(ValueError, match='leaves none of 4 patches visible'):
        RandomMasking(0.9)(1, (2, 2), CPU)
