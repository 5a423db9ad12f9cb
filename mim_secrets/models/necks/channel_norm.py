"""A layer norm over the channels of maps that copies nothing beside convolutions."""

import torch
from torch import nn

from mim_secrets.registry import MODELS


@MODELS.register_module()
class LN2d(nn.LayerNorm):
    """Normalise maps (B, C, H, W) over C, at each place.

    The values are those of mmpretrain's ``LN2d``. What comes out keeps channels last in
    memory, as the norm needs them and as convolutions hand them on, so that between the
    two nothing is copied. Code that reads memory past the strides, as mmcv's ``RoIAlign``
    does, needs ``contiguous()`` first.
    """

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        return super().forward(maps.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
