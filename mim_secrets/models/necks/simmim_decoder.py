"""SimMIM's decoder: one linear layer from a token to the pixels of its patch.

Xie et al., "SimMIM: A Simple Framework for Masked Image Modeling", CVPR 2022.
"""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import nn

from mim_secrets.models.selfsup.masking import Grid, Mask
from mim_secrets.registry import MODELS


@MODELS.register_module()
class SimMIMDecoder(BaseModule):
    """Predict the pixels of masked patches, each from its own token.

    Parameters keep the names of mmpretrain's ``SimMIMLinearDecoder``, which is a 1x1
    convolution and a pixel shuffle over the whole map; only what is asked for is
    computed here.

    Args:
        in_dims: Width of the encoder's last level, D.
        grid: Unused; every decoder is told of it.
        out_dims: Numbers predicted per patch, P = p * p * C.
        channels: C.
    """

    reads = 'whole'

    def __init__(
        self,
        in_dims: int,
        grid: Grid,
        out_dims: int,
        channels: int = 3,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.channels = channels
        self.side = round((out_dims // channels) ** 0.5)
        self.decoder = nn.Sequential(nn.Conv2d(in_dims, out_dims, kernel_size=1))

    def forward(self, latent: torch.Tensor, mask: Mask, grid: Grid) -> torch.Tensor:
        """From tokens of all patches to predictions for those that are asked for.

        Args:
            latent: (B, E + N, D), extra tokens first.
            mask: Which patches are asked for.
            grid: Rows and columns of all N patches.

        Returns:
            (B, Q, P), in the order of ``mask.asked``.
        """
        patches = latent[:, latent.shape[1] - grid[0] * grid[1] :]
        image = torch.arange(len(patches), device=patches.device)[:, None]
        layer = self.decoder[0]
        pixels = F.linear(patches[image, mask.asked], layer.weight.flatten(1), layer.bias)
        # the shuffle has channels outermost, our patches have them innermost
        pixels = pixels.unflatten(2, (self.channels, self.side * self.side))
        return pixels.transpose(2, 3).flatten(2)
