"""A decoder whose queries look at the visible patches and not at each other.

Fu et al., "Rethinking Patch Dependence for Masked Autoencoders" (CrossMAE), TMLR
2025. The method is not MAE: masked patches are predicted independently, so that
some of them may be left out without changing what is said of the others.
"""

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.transformer import FFN
from mmengine.model import BaseModule
from torch import nn

from mim_secrets.models.necks.query_decoder import QueryDecoder
from mim_secrets.models.selfsup.masking import Grid, Mask
from mim_secrets.registry import MODELS


@MODELS.register_module()
class CrossDecoder(QueryDecoder):
    """Predict each patch that is asked for from the encoded visible ones.

    With ``streams=depth`` in the fusion every block reads levels of the encoder in
    proportions of its own; with one stream all blocks read the same.

    Args:
        in_dims, grid, out_dims, dims: As for ``QueryDecoder``.
        depth: Number of blocks.
        num_heads: Heads of every block.
        mlp_ratio: Hidden width of the feed-forward part over ``dims``.
    """

    def __init__(
        self,
        in_dims: int,
        grid: Grid,
        out_dims: int,
        dims: int = 512,
        depth: int = 8,
        num_heads: int = 16,
        mlp_ratio: float = 4.0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        blocks = [CrossBlock(dims, num_heads, int(mlp_ratio * dims)) for _ in range(depth)]
        super().__init__(in_dims, grid, out_dims, dims, blocks, init_cfg)

    def forward(self, latent: torch.Tensor, mask: Mask, grid: Grid) -> torch.Tensor:
        """From encoded tokens to predictions.

        Args:
            latent: (B, E + V, D), or one such stream for each block, (S, B, E + V, D).
            mask: Which patches these are, and which are asked for.
            grid: Rows and columns of all patches.

        Returns:
            (B, Q, P), in the order of ``mask.asked``.
        """
        depth = len(self.decoder_blocks)
        if latent.ndim == 4 and len(latent) != depth:
            raise ValueError(
                f'CrossDecoder: the fusion gives {len(latent)} streams for {depth} blocks; '
                f'set fusion.streams={depth}, or 1 for one that all blocks read.'
            )
        memory = self.decoder_embed(latent)
        streams = memory.unbind() if latent.ndim == 4 else [memory] * depth
        queries = self.queries(mask, grid).to(memory.dtype)
        for block, stream in zip(self.decoder_blocks, streams, strict=True):
            queries = block(queries, stream)
        return self.answers(queries)


class CrossBlock(BaseModule):
    """Queries ask a memory, then think for themselves; both beside a residual."""

    def __init__(self, dims: int, num_heads: int, hidden: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln1 = nn.LayerNorm(dims, eps=1e-6)
        self.query = nn.Linear(dims, dims)
        self.key_value = nn.Linear(dims, 2 * dims)
        self.proj = nn.Linear(dims, dims)
        self.ln2 = nn.LayerNorm(dims, eps=1e-6)
        self.ffn = FFN(dims, hidden, act_cfg=dict(type='GELU'))

    def forward(self, queries: torch.Tensor, memory: torch.Tensor) -> torch.Tensor:
        """Queries (B, Q, E) and memory (B, V, E) to queries (B, Q, E)."""
        heads = (self.num_heads, -1)
        query = self.query(self.ln1(queries)).unflatten(2, heads).transpose(1, 2)
        key_value = self.key_value(memory).unflatten(2, (2, *heads))
        key, value = key_value.permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(query, key, value)
        queries = queries + self.proj(mixed.transpose(1, 2).flatten(2))
        return self.ffn(self.ln2(queries), identity=queries)
