"""What decoders share that put a token in the place of every patch they are asked for."""

import torch
from mmengine.model import BaseModule
from torch import nn

from mim_secrets.models.patches import sincos_positions
from mim_secrets.models.selfsup.masking import Grid, Mask


class QueryDecoder(BaseModule):
    """Width, positions, the token that asks, and the layer that answers.

    Parameters keep the names of mmpretrain's ``MAEPretrainDecoder``.

    Args:
        in_dims: Width of the encoder, D.
        grid: Rows and columns of patches for which positions are stored; other
            grids get theirs on the fly.
        out_dims: Numbers predicted per patch, P.
        dims: Width of the decoder, E.
        blocks: What lies between.
    """

    reads = 'visible'

    def __init__(
        self,
        in_dims: int,
        grid: Grid,
        out_dims: int,
        dims: int,
        blocks: list[nn.Module],
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.grid = tuple(grid)
        self.decoder_embed = nn.Linear(in_dims, dims)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, dims))
        self.decoder_pos_embed = nn.Parameter(
            sincos_positions(self.grid, dims), requires_grad=False
        )
        self.decoder_blocks = nn.ModuleList(blocks)
        self.ln1 = nn.LayerNorm(dims, eps=1e-6)
        self.decoder_pred = nn.Linear(dims, out_dims)

    def init_weights(self) -> None:
        super().init_weights()
        nn.init.normal_(self.mask_token, std=0.02)

    def positions(self, grid: Grid) -> torch.Tensor:
        """(1, 1 + N, E) for any grid."""
        if tuple(grid) == self.grid:
            return self.decoder_pos_embed
        dims = self.decoder_pos_embed.shape[-1]
        return sincos_positions(grid, dims).to(self.decoder_pos_embed)

    def queries(self, mask: Mask, grid: Grid) -> torch.Tensor:
        """(B, Q, E): the mask token at the place of every patch that is asked for."""
        return self.mask_token + self.positions(grid)[0, 1:][mask.asked]

    def answers(self, queries: torch.Tensor) -> torch.Tensor:
        """(B, Q, E) to (B, Q, P)."""
        return self.decoder_pred(self.ln1(queries))
