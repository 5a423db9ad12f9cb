"""The scale-invariant logarithmic loss, over all pixels of a batch at once.

Eigen et al., "Depth Map Prediction from a Single Image using a Multi-Scale Deep
Network", NeurIPS 2014, under a square root.
"""

import torch
from torch import nn

from mim_secrets.registry import MODELS

SMALLEST = 1e-12  # below it the root has no usable slope


@MODELS.register_module()
class BatchSiLogLoss(nn.Module):
    """``sqrt(mean(g ** 2) - variance_focus * mean(g) ** 2)``, g = ln true - ln predicted.

    Both means run over the valid pixels of the whole batch, so that an image counts
    by its number of valid pixels; mmseg's ``SiLogLoss`` takes a root for each image.
    Pixels whose true depth is zero, negative, infinite or no number are left out. A
    batch without any valid pixel has the loss 0 and zero gradients.

    Args:
        variance_focus: Share of the squared mean that is forgiven; 1 forgives every
            common factor.
    """

    loss_name = 'loss_silog'

    def __init__(self, variance_focus: float = 0.5) -> None:
        super().__init__()
        if not 0 <= variance_focus <= 1:
            raise ValueError(
                f'BatchSiLogLoss: variance_focus is {variance_focus}; choose from 0, which '
                'forgives no common factor, to 1, which forgives all of it.'
            )
        self.variance_focus = variance_focus

    def forward(self, predicted: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
        """Positive depths and true depths, both (B, 1, H, W), to a scalar."""
        valid = (true > 0) & true.isfinite()
        if not valid.any():
            return predicted[valid].sum()
        # half precision has neither the range nor the digits
        predicted, true = predicted[valid].float(), true[valid].float()
        difference = true.log() - predicted.clamp(min=torch.finfo(predicted.dtype).tiny).log()
        spread = difference.square().mean() - self.variance_focus * difference.mean().square()
        return spread.clamp(min=SMALLEST).sqrt()
