"""The scale-invariant logarithmic loss over a batch."""

import math

import numpy as np
import pytest
import torch
from mmseg.models.losses import SiLogLoss

from mim_secrets.models.depth import BatchSiLogLoss


def maps(batch: int = 2, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Predicted and true depths (B, 1, 4, 5); the images differ in factor and in gaps."""
    generator = torch.Generator().manual_seed(seed)
    true = 0.5 + 9 * torch.rand(batch, 1, 4, 5, generator=generator)
    factor = torch.arange(1, batch + 1).view(-1, 1, 1, 1)
    predicted = true * factor * (0.3 * torch.randn(true.shape, generator=generator)).exp()
    true[0, 0, :2] = 0
    return predicted.requires_grad_(), true


@pytest.mark.parametrize('focus', [0.0, 0.5, 1.0])
def test_it_is_the_formula_over_all_valid_pixels(focus: float) -> None:
    """Breaks when pixels without depth count, or images instead of pixels."""
    predicted, true = maps()
    p, t = predicted.detach().double().numpy().ravel(), true.double().numpy().ravel()
    g = np.log(t[t > 0]) - np.log(p[t > 0])
    expected = math.sqrt(np.mean(g**2) - focus * np.mean(g) ** 2)
    assert BatchSiLogLoss(focus)(predicted, true).item() == pytest.approx(expected, rel=1e-6)


def test_of_one_image_it_is_mmsegs() -> None:
    """Breaks when root, factor or mask differ from mmseg's loss, which takes a root for
    every image; for two images the two must differ."""
    ours, theirs = BatchSiLogLoss(), SiLogLoss()
    for image in range(2):
        pair = [tensor[image : image + 1] for tensor in maps()]
        torch.testing.assert_close(ours(*pair), theirs(*pair))
    assert abs(ours(*maps()) - theirs(*maps())) > 0.01


def test_a_common_factor_is_forgiven_as_far_as_asked() -> None:
    """Breaks when the loss is invariant to scale where it should not be, or not where it
    should."""
    _, true = maps()
    true = true.clamp(min=1)
    assert BatchSiLogLoss(1.0)(3 * true, true) < 1e-3
    half = BatchSiLogLoss(0.5)(3 * true, true).item()
    assert half == pytest.approx(math.log(3) / math.sqrt(2), rel=1e-5)


@pytest.mark.parametrize('unknown', [0.0, -1.0, math.nan, math.inf])
def test_pixels_without_depth_learn_nothing(unknown: float) -> None:
    """Breaks when an invalid true depth reaches the loss or its gradient."""
    predicted, true = maps()
    true[:, :, 1] = unknown
    loss = BatchSiLogLoss()(predicted, true)
    loss.backward()
    assert loss.isfinite()
    assert not predicted.grad[:, :, 1].any()
    assert predicted.grad[:, :, 3].all()


def test_a_batch_without_depth_has_no_loss_but_gradients() -> None:
    """Breaks when such a batch ends in NaN, or in a loss that cannot be differentiated."""
    predicted, true = maps()
    loss = BatchSiLogLoss()(predicted, torch.zeros_like(true))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(predicted.grad, torch.zeros_like(predicted))


def test_a_perfect_prediction_has_finite_gradients() -> None:
    """Breaks when the slope of the root at zero reaches the weights."""
    _, true = maps()
    predicted = true.clamp(min=1e-3).requires_grad_()
    loss = BatchSiLogLoss()(predicted, true)
    loss.backward()
    assert loss < 1e-5
    assert predicted.grad.isfinite().all()


def test_half_precision_and_vanishing_depths_stay_finite() -> None:
    """Breaks when a sigmoid that has underflowed makes the loss infinite."""
    predicted, true = maps()
    predicted = predicted.detach().bfloat16()
    predicted[1] = 0
    assert BatchSiLogLoss()(predicted, true).isfinite()


def test_a_share_outside_its_range_is_refused() -> None:
    """Breaks when a negative square root can be asked for."""
    with pytest.raises(ValueError, match='variance_focus is 1.5'):
        BatchSiLogLoss(1.5)
