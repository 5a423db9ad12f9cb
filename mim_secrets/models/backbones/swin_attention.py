"""Attention inside windows that every second block shifts, for both Swins."""

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import nn

from mim_secrets.models.backbones.windows import (
    Size,
    cut_index,
    fit_window,
    merge_windows,
    relative_index,
    shift_mask,
    split_windows,
)


class ShiftedWindows(nn.Module):
    """Cut maps into windows, let ``w_msa`` attend inside each, put them together.

    Args:
        w_msa: The attention, made for windows of one size.
        shifted: Roll the map by half a window before, and back afterwards.
    """

    def __init__(self, w_msa: 'WindowAttention', shifted: bool) -> None:
        super().__init__()
        self.w_msa = w_msa
        self.shift = w_msa.window[0] // 2 if shifted else 0

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) to the same."""
        _, height, width, _ = maps.shape
        window, shift = fit_window((height, width), self.w_msa.window[0], self.shift)
        below, right = -height % window[0], -width % window[1]
        if below or right:
            maps = F.pad(maps, (0, 0, 0, right, 0, below))
        grid = (height + below, width + right)
        mask = None
        if any(shift):
            maps = maps.roll((-shift[0], -shift[1]), (1, 2))
            mask = shift_mask(grid, window, shift, maps.device)
        windows = self.w_msa(split_windows(maps, window), window, mask)
        maps = merge_windows(windows, window, grid)
        if any(shift):
            maps = maps.roll(shift, (1, 2))
        return maps[:, :height, :width]


class WindowAttention(nn.Module, ABC):
    """Multi-head attention over the tokens of a window.

    A subclass says how tokens become queries, keys and values, and what is added to
    the logits for each offset between query and key.

    Args:
        dims: Width of the tokens, C.
        num_heads: Heads, of C / num_heads channels each.
        window: Side of the windows; smaller ones may come.
    """

    # Factor of the products of queries and keys; None for one over the root of a
    # head's channels.
    scale: float | None

    def __init__(self, dims: int, num_heads: int, window: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.window = (window, window)
        self.register_buffer('relative_position_index', relative_index(self.window))
        self.proj = nn.Linear(dims, dims)

    def forward(
        self, windows: torch.Tensor, window: Size, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Attend.

        Args:
            windows: (B, nW, N, C).
            window: (h, w) with h * w = N, at most what the module was made for.
            mask: (nW, N, N), added to the logits of all heads.

        Returns:
            (B, nW, N, C).
        """
        batch, count, length, dims = windows.shape
        heads = self.project(windows)
        bias = self.bias(window)
        if mask is None:
            # one bias for all windows, which join the batch
            heads = [part.flatten(0, 1) for part in heads]
            bias = bias[None]
        else:
            # one bias for each window, which join the heads: no copy for each image
            heads = [part.flatten(1, 2) for part in heads]
            bias = (bias + mask[:, None]).flatten(0, 1)[None]
        bias = bias.to(heads[0].dtype)
        mixed = F.scaled_dot_product_attention(*heads, attn_mask=bias, scale=self.scale)
        mixed = mixed.reshape(batch, count, self.num_heads, length, -1)
        return self.proj(mixed.transpose(2, 3).reshape(batch, count, length, dims))

    @abstractmethod
    def project(self, windows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, nW, N, C) to queries, keys and values (B, nW, heads, N, C / heads)."""

    @abstractmethod
    def bias(self, window: Size) -> torch.Tensor:
        """(heads, N, N) what is added to the logits."""

    def split_heads(self, qkv: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """(B, nW, N, 3 * C) to three times (B, nW, heads, N, C / heads), views."""
        return qkv.unflatten(-1, (3, self.num_heads, -1)).permute(3, 0, 1, 4, 2, 5).unbind()

    def look_up(self, table: torch.Tensor, window: Size) -> torch.Tensor:
        """Rows of a table over all offsets (T, heads), to (heads, N, N)."""
        index = cut_index(self.relative_position_index, self.window, window)
        return F.embedding(index, table).permute(2, 0, 1).contiguous()
