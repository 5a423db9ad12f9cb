"""Where tokens lie: in whole maps behind class tokens, and in windows of maps."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from mim_secrets.analysis.adapters.protocol import Size, Tokens
from mim_secrets.analysis.attention import Places
from mim_secrets.models.backbones.windows import merge_windows, shift_mask, split_windows


def list_places(grid: Size, stride: int, length: int, device: torch.device) -> Places:
    """Places of ``length`` tokens: those of no place first, then all patches of a map."""
    spots = F.pad(_centres(grid, stride).flatten(0, 1), (0, 0, _extra(grid, length), 0))
    patch = torch.arange(length) >= _extra(grid, length)
    return Places(spots[None].to(device), patch[None].to(device))


def list_tokens(output: torch.Tensor, grid: Size) -> Tokens:
    """(B, E + h * w, C) as what it is."""
    return Tokens(output, _extra(grid, output.shape[1]), grid)


@dataclass(frozen=True)
class Windows:
    """How a map is padded to whole windows at its bottom and right, rolled and cut.

    Attributes:
        grid: Rows and columns of the map.
        size: Those of a window.
        shift: How far the map is rolled up and to the left.
        roll_first: It is rolled before it is padded, as timm does.
    """

    grid: Size
    size: Size
    shift: Size = (0, 0)
    roll_first: bool = False

    @property
    def padded(self) -> Size:
        return tuple(-(-length // size) * size for length, size in zip(self.grid, self.size))

    @property
    def count(self) -> int:
        """Windows of a map, nW."""
        rows, columns = (length // size for length, size in zip(self.padded, self.size))
        return rows * columns

    def split(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, h, w, C) to (B, nW, N, C)."""
        below, right = (whole - length for whole, length in zip(self.padded, self.grid))
        back = (-self.shift[0], -self.shift[1])
        if self.roll_first:
            maps = maps.roll(back, (1, 2))
        maps = F.pad(maps, (0, 0, 0, right, 0, below))
        if not self.roll_first:
            maps = maps.roll(back, (1, 2))
        return split_windows(maps, self.size)

    def merge(self, windows: torch.Tensor) -> torch.Tensor:
        """(B, nW, N, C) back to (B, h, w, C)."""
        maps = merge_windows(windows, self.size, self.padded)
        if not self.roll_first:
            maps = maps.roll(self.shift, (1, 2))
        maps = maps[:, : self.grid[0], : self.grid[1]]
        return maps.roll(self.shift, (1, 2)) if self.roll_first else maps

    def places(self, stride: int, device: torch.device) -> Places:
        """Of all tokens of all windows.

        Pairs are apart that lie in one window although a whole map of the padded size
        has them at opposite ends: the rule of all Swins. Where the map is rolled before
        it is padded, some pairs of opposite ends are let through; so they are there.
        """
        spots = self.split(F.pad(_centres(self.grid, stride), (0, 1), value=1.0)[None])[0]
        patch = spots[..., 2] > 0
        apart = shift_mask(self.padded, self.size, self.shift) < 0 if any(self.shift) else None
        return Places(
            centres=spots[..., :2].contiguous().to(device),
            patch=patch.to(device),
            padding=None if patch.all() else ~patch.to(device),
            apart=None if apart is None else apart.to(device),
        )

    def tokens(self, output: torch.Tensor) -> Tokens:
        """A map (B, h, w, C), a list (B, h * w, C), or windows (B * nW, N, C).

        One window without padding looks like a list, and is taken for one; it is one
        unless it is rolled, which only timm's ``always_partition`` does.
        """
        if output.shape[1:-1] == self.grid:
            output = output.flatten(1, 2)
        elif output.shape[1:-1] != (self.grid[0] * self.grid[1],):
            windows = output.reshape(-1, self.count, self.size[0] * self.size[1], output.shape[-1])
            output = self.merge(windows).flatten(1, 2)
        return Tokens(output, 0, self.grid)


def _extra(grid: Size, length: int) -> int:
    extra = length - grid[0] * grid[1]
    if extra < 0:
        raise ValueError(
            f'{length} tokens are too few for {grid[0]} x {grid[1]} patches; give images whose '
            'sides are multiples of the patch.'
        )
    return extra


def _centres(grid: Size, stride: int) -> torch.Tensor:
    """(h, w, 2) row and column of the centre of each patch in pixels."""
    axes = [(torch.arange(length) + 0.5) * stride for length in grid]
    return torch.stack(torch.meshgrid(*axes, indexing='ij'), dim=-1)
