"""MAE's decoder, computing what the loss reads and nothing else.

He et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022.
"""

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer

from mim_secrets.models.necks.query_decoder import QueryDecoder
from mim_secrets.models.selfsup.masking import Grid, Mask
from mim_secrets.registry import MODELS


@MODELS.register_module()
class MAEDecoder(QueryDecoder):
    """Predict the masked patches from the encoded visible ones.

    Three things are cheaper than in mmpretrain, with the same result: tokens stay in
    the order class token, visible, asked for, since attention does not mind and only
    the positions have to follow; the last block asks its questions for the latter
    alone; and only these are normalised and turned into pixels.

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
        blocks = [
            TransformerEncoderLayer(
                dims, num_heads, int(mlp_ratio * dims), norm_cfg=dict(type='LN', eps=1e-6)
            )
            for _ in range(depth)
        ]
        super().__init__(in_dims, grid, out_dims, dims, blocks, init_cfg)

    def forward(self, latent: torch.Tensor, mask: Mask, grid: Grid) -> torch.Tensor:
        """From encoded tokens to predictions.

        Args:
            latent: (B, 1 + V, D), class token first, then patches ``mask.visible``.
            mask: Which patches these are, and which are asked for.
            grid: Rows and columns of all patches.

        Returns:
            (B, Q, P), in the order of ``mask.asked``.
        """
        positions = self.positions(grid)
        seen = self.decoder_embed(latent)
        seen_positions = positions[0, 1:][mask.visible]
        cls_position = positions[:, :1].expand(len(seen), -1, -1)
        seen = seen + torch.cat([cls_position, seen_positions], dim=1)
        asked = self.queries(mask, grid)
        tokens = torch.cat([seen, asked.to(seen.dtype)], dim=1)

        *blocks, last = self.decoder_blocks
        for block in blocks:
            tokens = block(tokens)
        asked = tail_of_block(last, tokens, asked.shape[1])
        return self.answers(asked)


def tail_of_block(
    block: TransformerEncoderLayer, tokens: torch.Tensor, length: int
) -> torch.Tensor:
    """What ``block`` makes of the last ``length`` tokens: (B, length, E).

    The same as ``block(tokens)[:, -length:]``, without queries, output projection
    and feed-forward part for the others.
    """
    attention = block.attn
    heads, dims = attention.num_heads, attention.embed_dims
    normed = block.ln1(tokens)
    query_weight, memory_weight = attention.qkv.weight.split([dims, 2 * dims])
    query_bias, memory_bias = attention.qkv.bias.split([dims, 2 * dims])
    query = F.linear(normed[:, -length:], query_weight, query_bias)
    query = query.unflatten(2, (heads, -1)).transpose(1, 2)  # (B, heads, length, d)
    memory = F.linear(normed, memory_weight, memory_bias).unflatten(2, (2, heads, -1))
    key, value = memory.permute(2, 0, 3, 1, 4)  # each (B, heads, N, d)
    mixed = F.scaled_dot_product_attention(query, key, value)
    tail = tokens[:, -length:] + attention.proj(mixed.transpose(1, 2).flatten(2))
    return block.ffn(block.ln2(tail), identity=tail)
