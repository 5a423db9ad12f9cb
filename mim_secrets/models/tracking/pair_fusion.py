"""Template and search window told of each other, after an encoder saw each alone.

As in Lin et al., "SwinTrack: A Simple and Strong Baseline for Transformer Tracking",
NeurIPS 2022.
"""

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import FFN
from mmengine.model import BaseModule
from torch import nn

from mim_secrets.registry import MODELS

from .pair_position import Grid, PairPosition

LINEAR = dict(type='TruncNormal', layer='Linear', std=0.02)


@MODELS.register_module()
class PairFusion(BaseModule):
    """``depth`` layers in which all tokens see all, then one in which those of the search
    window ask them all once more.

    Positions enter the attention only, by one ``PairPosition`` for the layers before and
    one for the last. The released SwinTrack divides all logits by the root of a head's
    channels; here it is the root of twice that number, as its paper has it.

    Args:
        in_dims: Width of the encoder's maps. Where it is not ``dims``, template and
            search window each have a projection.
        template_grid: Rows and columns of the template's map.
        search_grid: Rows and columns of the search window's map.
        dims: Width of the tokens, C.
        depth: Layers before the last.
        num_heads: Heads of every layer.
        mlp_ratio: Hidden width of the perceptrons over ``dims``.
        drop_path_rate: Of the last layer, rising linearly from 0 at the first.
    """

    def __init__(
        self,
        in_dims: int,
        template_grid: Grid,
        search_grid: Grid,
        dims: int = 512,
        depth: int = 8,
        num_heads: int = 8,
        mlp_ratio: float = 4.0,
        drop_path_rate: float = 0.1,
        init_cfg: dict | list[dict] | None = LINEAR,
    ) -> None:
        super().__init__(init_cfg)
        if dims % num_heads:
            raise ValueError(
                f'PairFusion: dims is {dims} and num_heads {num_heads}; choose a width that '
                'the heads can share evenly.'
            )
        self.dims = dims
        self.template_grid, self.search_grid = tuple(template_grid), tuple(search_grid)
        grids = (self.template_grid, self.search_grid)
        self.template_projection, self.search_projection = (
            nn.Identity() if in_dims == dims else nn.Linear(in_dims, dims) for _ in grids
        )
        rates = torch.linspace(0, drop_path_rate, depth + 1).tolist()
        hidden = int(mlp_ratio * dims)
        self.position = PairPosition(dims, num_heads, grids, asking=(0, 1))
        self.layers = nn.ModuleList(
            FusionLayer(dims, num_heads, hidden, rate) for rate in rates[:-1]
        )
        self.last_position = PairPosition(dims, num_heads, grids, asking=(1,))
        self.last_layer = FusionLayer(dims, num_heads, hidden, rates[-1], other_memory=True)
        self.norm = nn.LayerNorm(dims)

    def template_tokens(self, maps: torch.Tensor) -> torch.Tensor:
        """The encoder's maps (B, D, h, w) of templates to tokens (B, h * w, C)."""
        return self.template_projection(_tokens(maps, self.template_grid, 'template'))

    def search_tokens(self, maps: torch.Tensor) -> torch.Tensor:
        """The encoder's maps (B, D, H, W) of search windows to tokens (B, H * W, C)."""
        return self.search_projection(_tokens(maps, self.search_grid, 'search window'))

    def forward(self, template: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        """Tokens of both to what is known of each cell of the search window, (B, H, W, C)."""
        tokens, count = torch.cat([template, search], dim=1), template.shape[1]
        bias = self.position()
        for layer in self.layers:
            tokens = layer(tokens, bias)
        search = self.last_layer(tokens[:, count:], self.last_position(), memory=tokens)
        return self.norm(search).unflatten(1, self.search_grid)


class FusionLayer(nn.Module):
    """Attention and a perceptron, each behind a norm and beside a residual.

    Args:
        other_memory: Tokens look at others, which have a norm of their own, and not at
            each other.
    """

    def __init__(
        self, dims: int, num_heads: int, hidden: int, drop_path: float, other_memory: bool = False
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims)
        self.norm_memory = nn.LayerNorm(dims) if other_memory else None
        self.attn = PlacedAttention(dims, num_heads)
        self.norm2 = nn.LayerNorm(dims)
        self.ffn = FFN(dims, hidden, act_cfg=dict(type='GELU'), add_identity=False)
        self.drop_path = DropPath(drop_path)

    def forward(
        self, tokens: torch.Tensor, bias: torch.Tensor, memory: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Tokens (B, Q, C) to the same, with ``bias`` (heads, Q, K) and memory (B, K, C)."""
        asking = self.norm1(tokens)
        memory = asking if memory is None else self.norm_memory(memory)
        tokens = tokens + self.drop_path(self.attn(asking, memory, bias))
        return tokens + self.drop_path(self.ffn(self.norm2(tokens)))


class PlacedAttention(nn.Module):
    """Attention to whose logits something is added that knows the tokens' places."""

    def __init__(self, dims: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        # contents are as many terms of a logit as places are: together of variance one
        self.scale = (2 * dims // num_heads) ** -0.5
        self.query = nn.Linear(dims, dims)
        self.key_value = nn.Linear(dims, 2 * dims)
        self.proj = nn.Linear(dims, dims)

    def forward(
        self, tokens: torch.Tensor, memory: torch.Tensor, bias: torch.Tensor
    ) -> torch.Tensor:
        """Tokens (B, Q, C), memory (B, K, C) and bias (heads, Q, K) to (B, Q, C)."""
        query = self.query(tokens).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
        heads = self.key_value(memory).unflatten(2, (2, self.num_heads, -1))
        key, value = heads.permute(2, 0, 3, 1, 4)
        bias = bias.to(query.dtype)[None]
        mixed = F.scaled_dot_product_attention(query, key, value, bias, scale=self.scale)
        return self.proj(mixed.transpose(1, 2).flatten(2))


def _tokens(maps: torch.Tensor, grid: Grid, what: str) -> torch.Tensor:
    if maps.shape[2:] != grid:
        raise ValueError(
            f'PairFusion: the map of the {what} is {tuple(maps.shape[2:])}, but positions are '
            f'learned for {grid}; crop to the size in pixels that the model was built for.'
        )
    return maps.flatten(2).transpose(1, 2)
