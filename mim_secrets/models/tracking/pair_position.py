"""Where the tokens of a template and of a search window lie to each other.

As in Lin et al., "SwinTrack: A Simple and Strong Baseline for Transformer Tracking",
NeurIPS 2022, after Ke et al., "Rethinking Positional Encoding in Language Pre-training",
ICLR 2021: positions are not added to tokens, but have queries and keys of their own.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

Grid = tuple[int, int]


class PairPosition(nn.Module):
    """What all layers of a stack add to their logits.

    For two tokens it is the product of the query of the one's place and the key of the
    other's, over the root of twice the channels of a head, and a number for the offset
    between them. Each grid is counted from its own corner; an offset within one grid has
    another number than the same offset between the two.

    Args:
        dims: Width of the vectors that stand for places.
        num_heads: Heads of the attention.
        grids: Rows and columns of the template, then of the search window.
        asking: Which of the two have queries: both, (0, 1), or the second alone, (1,).
    """

    def __init__(
        self, dims: int, num_heads: int, grids: Sequence[Grid], asking: Sequence[int]
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.asking = tuple(asking)
        self.scale = (2 * dims // num_heads) ** -0.5
        self.places = nn.ModuleList(Places(dims, grid) for grid in grids)
        self.keys = nn.ModuleList(nn.Linear(dims, dims) for _ in grids)
        self.queries = nn.ModuleList(nn.Linear(dims, dims) for _ in asking)
        self.offsets = nn.ModuleList(
            nn.ModuleList(Offsets(num_heads, grids[branch], grid) for grid in grids)
            for branch in asking
        )

    def forward(self) -> torch.Tensor:
        """(heads, Q, K): rows for the tokens that have queries, columns for all."""
        places = [place() for place in self.places]
        keys = [make(place) for make, place in zip(self.keys, places)]
        queries = [make(places[branch]) for make, branch in zip(self.queries, self.asking)]
        query, key = (self._split(torch.cat(parts)) for parts in (queries, keys))
        offsets = [torch.cat([table() for table in tables], dim=2) for tables in self.offsets]
        return (self.scale * query) @ key.transpose(1, 2) + torch.cat(offsets, dim=1)

    def _split(self, tokens: torch.Tensor) -> torch.Tensor:
        """(N, C) to (heads, N, C / heads)."""
        return tokens.unflatten(1, (self.num_heads, -1)).transpose(0, 1)


class Places(nn.Module):
    """A vector for each cell of a grid, which is its row's plus its column's."""

    def __init__(self, dims: int, grid: Grid) -> None:
        super().__init__()
        self.rows, self.columns = (_drawn(length, dims) for length in grid)
        self.norm = nn.LayerNorm(dims)

    def forward(self) -> torch.Tensor:
        """(N, C)."""
        return self.norm((self.rows[:, None] + self.columns).flatten(0, 1))


class Offsets(nn.Module):
    """A number for each head and offset from a cell of one grid to one of another."""

    def __init__(self, num_heads: int, queries: Grid, keys: Grid) -> None:
        super().__init__()
        rows, columns = (q + k - 1 for q, k in zip(queries, keys))
        self.table = _drawn(rows * columns, num_heads)
        down, across = (_differences(q, k) for q, k in zip(queries, keys))
        index = down[:, None, :, None] * columns + across[None, :, None, :]
        self.register_buffer('index', index.flatten(2).flatten(0, 1), persistent=False)

    def forward(self) -> torch.Tensor:
        """(heads, Q, K)."""
        return F.embedding(self.index, self.table).permute(2, 0, 1)


def _differences(queries: int, keys: int) -> torch.Tensor:
    """(Q, K) of one axis, counted from 0 on."""
    return torch.arange(queries)[:, None] - torch.arange(keys) + keys - 1


def _drawn(*shape: int) -> nn.Parameter:
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(shape), std=0.02))
