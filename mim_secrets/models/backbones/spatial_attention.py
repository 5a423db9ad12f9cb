"""Attention that knows where its tokens lie: in windows, with relative positions.

Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection",
ECCV 2022 (windows, decomposed positions); Bao et al., "BEiT", ICLR 2022 (tables).
"""

import torch
import torch.nn.functional as F
from mmpretrain.models import VisionTransformer
from mmpretrain.models.utils import MultiheadAttention
from torch import nn

from mim_secrets.checkpoint.resizing import (
    CLASS_ROWS,
    Grid,
    resize_bias_table,
    resize_decomposed,
)
from mim_secrets.models.backbones.windows import merge_windows, relative_index, split_windows

RELATIVE_POSITIONS = ('none', 'decomposed', 'table')


class SpatialAttention(MultiheadAttention):
    """mmpretrain's attention over a map of tokens instead of a list.

    Parameters that it adds have the names of mmpretrain's ``ViTSAM`` (``rel_pos_h``,
    ``rel_pos_w``) and ``BEiTViT`` (``relative_position_bias_table``). Both start
    at zero, so that an encoder pre-trained without them begins as it was.

    Args:
        grid: Tokens per column and row of the map that the parameters are for;
            other maps get theirs by interpolation.
        window: Side of the windows that the map is cut into; 0 attends globally.
        relative_position: ``none``, ``decomposed`` into an axis each, or one
            ``table`` over all offsets.
        num_extra_tokens: Class tokens before the map.
        **kwargs: As for mmpretrain's ``MultiheadAttention``.
    """

    def __init__(
        self,
        grid: Grid,
        window: int,
        relative_position: str,
        num_extra_tokens: int,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.side = window
        self.window = (window, window) if window else tuple(grid)
        self.relative_position = relative_position
        self.num_extra_tokens = num_extra_tokens
        rows, columns = (2 * size - 1 for size in self.window)
        if relative_position == 'decomposed':
            self.rel_pos_h = nn.Parameter(torch.zeros(rows, self.head_dims))
            self.rel_pos_w = nn.Parameter(torch.zeros(columns, self.head_dims))
        if relative_position == 'table':
            extra = CLASS_ROWS if num_extra_tokens else 0
            self.relative_position_bias_table = nn.Parameter(
                torch.zeros(rows * columns + extra, self.num_heads)
            )

    def forward(self, tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
        """Attend, within windows if there are any.

        Args:
            tokens: (B, E + H * W, D).
            grid: (H, W).
        """
        if not self.side:
            return self._attend(tokens, grid)
        below, right = (-size % self.side for size in grid)
        maps = F.pad(tokens.unflatten(1, grid), (0, 0, 0, right, 0, below))
        windows = split_windows(maps, self.window)
        windows = self._attend(windows.flatten(0, 1), self.window).view_as(windows)
        maps = merge_windows(windows, self.window, maps.shape[1:3])
        return maps[:, : grid[0], : grid[1]].flatten(1, 2)

    def _attend(self, tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
        qkv = self.qkv(tokens).unflatten(2, (3, self.num_heads, self.head_dims))
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        if self.relative_position == 'decomposed':
            bias = self._decomposed_bias(query, grid)
        elif self.relative_position == 'table':
            bias = self._table_bias(grid)
        else:
            bias = None
        dropout = self.attn_drop if self.training else 0.0
        mixed = F.scaled_dot_product_attention(query, key, value, bias, dropout)
        mixed = self.proj(mixed.transpose(1, 2).flatten(2))
        return self.out_drop(self.gamma1(self.proj_drop(mixed)))

    def _decomposed_bias(self, query: torch.Tensor, grid: Grid) -> torch.Tensor:
        """(B, heads, N, N): what each query says of rows plus what it says of columns."""
        query = query.unflatten(2, grid)
        rows, columns = (
            resize_decomposed(table, size)[_offsets(size, table.device)]
            for table, size in zip((self.rel_pos_h, self.rel_pos_w), grid, strict=True)
        )
        down = torch.einsum('bnhwd,hkd->bnhwk', query, rows)
        across = torch.einsum('bnhwd,wkd->bnhwk', query, columns)
        return (down[..., :, None] + across[..., None, :]).flatten(4, 5).flatten(2, 3)

    def _table_bias(self, grid: Grid) -> torch.Tensor:
        """(heads, E + N, E + N)."""
        table = resize_bias_table(self.relative_position_bias_table, self.window, tuple(grid))
        index = relative_index(grid).to(table.device)
        if self.num_extra_tokens:
            to_class, from_class, itself = range(len(table) - CLASS_ROWS, len(table))
            index = F.pad(index, (1, 0, 1, 0))
            index[0, :], index[:, 0], index[0, 0] = to_class, from_class, itself
        return table[index].permute(2, 0, 1)


def _offsets(size: int, device: torch.device) -> torch.Tensor:
    """(size, size): row of the table for query i and key k."""
    place = torch.arange(size, device=device)
    return place[:, None] - place[None, :] + size - 1


def place_attention(
    encoder: VisionTransformer, window: int, global_blocks: set[int], relative: str
) -> None:
    """Give every block of ``encoder`` spatial attention instead of its plain one."""
    if encoder.cls_token is not None and (window or relative == 'decomposed'):
        raise ValueError(
            'ViT: windows and decomposed relative positions have no place for a class '
            'token; set with_cls_token=False.'
        )
    if not global_blocks <= set(range(encoder.num_layers)):
        raise ValueError(
            f'ViT: global_blocks are {sorted(global_blocks)}, but blocks are numbered 0 '
            f'to {encoder.num_layers - 1}.'
        )
    for index, layer in enumerate(encoder.layers):
        plain = layer.attn
        layer.attn = SpatialAttention(
            encoder.patch_resolution,
            0 if index in global_blocks else window,
            relative,
            encoder.num_extra_tokens,
            embed_dims=encoder.embed_dims,
            num_heads=plain.num_heads,
            attn_drop=plain.attn_drop,
            proj_drop=plain.proj_drop.p,
            qkv_bias=plain.qkv.bias is not None,
        )
        layer.attn.out_drop, layer.attn.gamma1 = plain.out_drop, plain.gamma1
