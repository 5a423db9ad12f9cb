"""Masks: a partition of the patches, from a stream of their own."""

import pytest
import torch

from mim_secrets.models import Mask, RandomMasking
from tests.models.small import small_model

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


@pytest.mark.parametrize(
    ('grid', 'unit', 'masked', 'cells'),
    [((12, 12), 2, 22, 36), ((14, 14), 2, 30, 49), ((6, 6), 1, 22, 36), ((6, 9), 3, 4, 6)],
)
def test_cells_are_masked_whole(grid, unit, masked, cells) -> None:
    """Breaks when a cell is torn, or when another number than SimMIM's is masked, which
    is the ratio of the cells rounded up: 22 of 36 at 192 px, 30 of 49 at 224 px."""
    mask = RandomMasking(0.6, unit)(7, grid, CPU)
    together = torch.cat([mask.visible, mask.masked], dim=1).sort(dim=1).values
    assert torch.equal(together, torch.arange(grid[0] * grid[1]).expand(7, -1))
    flags = mask.binary().unflatten(1, grid)
    squares = flags.unflatten(2, (-1, unit)).unflatten(1, (-1, unit)).transpose(2, 3).flatten(3)
    assert torch.equal(squares.all(dim=3), squares.any(dim=3))
    counts = squares.all(dim=3).sum(dim=(1, 2))
    assert counts.tolist() == [masked] * 7
    assert squares[0, ..., 0].numel() == cells


def test_cells_are_masked_equally_often_and_independently() -> None:
    """Breaks when a row of cells is favoured, or when all images share one mask; 22 of 36
    cells in 4000 draws put 5 sigma at 0.039."""
    flags = RandomMasking(0.6, unit=2)(4000, (12, 12), CPU).binary().float()
    assert (flags.mean(dim=0) - 22 / 36).abs().max() < 0.039
    assert len(flags.unique(dim=0)) > 3990


def test_a_grid_that_makes_no_cells_is_refused() -> None:
    """Breaks when the last row of patches is never masked."""
    with pytest.raises(ValueError, match='7x8 patches does not divide into cells of 2x2'):
        RandomMasking(0.6, unit=2)(1, (7, 8), CPU)


@pytest.mark.parametrize('unit', [1, 2])
@pytest.mark.parametrize(('share', 'asked'), [(0.25, 6), (0.5, 11), (1.0, 22), (0.01, 1)])
def test_what_is_asked_for_is_masked(share, asked, unit) -> None:
    """Breaks when a visible patch is asked for, the same twice, or another number than
    the share of 22 masked cells rounded up."""
    mask = RandomMasking(0.6, unit, asked_share=share)(3, (6 * unit, 6 * unit), CPU)
    assert mask.asked.shape == (3, asked * unit**2)
    for wanted, hidden in zip(mask.asked.tolist(), mask.masked.tolist(), strict=True):
        assert len(set(wanted)) == len(wanted)
        assert set(wanted) <= set(hidden)


def test_masked_patches_are_asked_for_equally_often() -> None:
    """Breaks when some places are never predicted; 5 sigma of 4000 draws are 0.032."""
    asked = RandomMasking(0.75, asked_share=0.25)(4000, (4, 4), CPU).asked
    share = asked.flatten().bincount(minlength=16) / 4000
    assert (share - 3 / 16).abs().max() < 0.032


def test_several_masks_of_one_image_follow_each_other() -> None:
    """Breaks when the masks of an image are equal, or stand where another's belong: the
    model repeats each image as often, one after the other."""
    masking = RandomMasking(0.75, masks_per_image=3)
    mask = masking(2, (8, 8), CPU)
    assert mask.visible.shape == (6, 16) and mask.masked.shape == (6, 48)
    assert len(mask.binary().unique(dim=0)) == 6

    model = small_model('MAE', masking=dict(type='mim_secrets.RandomMasking', masks_per_image=2))
    model.masking.reseed(0)
    images = torch.randn(2, 3, 32, 32)
    mask = model.draw_mask(images)
    losses = [
        model.loss(images[i : i + 1], mask=Mask(*(ids[k : k + 1] for ids in mask[:2])))['loss']
        for i, k in ((0, 0), (0, 1), (1, 2), (1, 3))
    ]
    torch.testing.assert_close(model.loss(images, mask=mask)['loss'], sum(losses) / 4)


@pytest.mark.parametrize('share', [0.0, 1.1])
def test_a_senseless_share_is_refused(share: float) -> None:
    """Breaks when a model may be trained that is asked for nothing."""
    with pytest.raises(ValueError, match=f'asked_share is {share}'):
        RandomMasking(asked_share=share)
