"""Positions of another grid: embeddings, bias tables, decomposed tables.

Everything here is a pure function of tensors; which parameter needs which is
decided where an encoder meets a file.
"""

from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from mmpretrain.models.utils import resize_pos_embed
from scipy.interpolate import make_interp_spline

Grid = tuple[int, int]

# BEiT's tables end in three rows for the class token: to it, from it, itself.
CLASS_ROWS = 3


def square_grid(rows: int) -> Grid | None:
    """The square grid of ``rows`` positions, if there is one."""
    side = round(rows**0.5)
    return (side, side) if side * side == rows else None


def source_of(
    rows: int, grid: Grid, stated: Grid | None = None, class_token: bool = False
) -> tuple[Grid, int]:
    """The grid behind ``rows`` position embeddings and its extra tokens.

    Args:
        rows: Rows of the file, extra tokens (none, a class token, a class and a
            distillation token) included.
        grid: The grid that is wanted, taken for the file's where the count agrees.
        stated: The file's grid where the user has named it.
        class_token: Whether the file has one, so that a row must be its own. A file
            without one may still have a row for it, as ViTDet's have.
    """
    if stated is not None:
        extra = rows - stated[0] * stated[1]
        if extra not in (0, 1, 2):
            raise ValueError(
                f'The position embedding has {rows} rows, which is no grid of '
                f'{stated[0]}x{stated[1]} patches with or without extra tokens; '
                'correct source_grid in init_cfg.'
            )
        return stated, extra
    for extra in range(class_token, 3):
        square, same = square_grid(rows - extra), rows - extra == grid[0] * grid[1]
        if square and same and square != grid:
            raise ValueError(
                f'The position embedding has {rows - extra} patches, which may be '
                f'{square[0]}x{square[1]} or {grid[0]}x{grid[1]}; say which with '
                'source_grid=(rows, columns) in init_cfg.'
            )
        if square or same:
            return square or grid, extra
    raise ValueError(
        f'The position embedding has {rows} rows, which is no square grid; name the '
        'grid it was trained at with source_grid=(rows, columns) in init_cfg.'
    )


def resize_positions(
    pos_embed: torch.Tensor,
    grid: Grid,
    extra: int,
    stated: Grid | None = None,
    class_token: bool = False,
    mode: str = 'bicubic',
) -> tuple[torch.Tensor, Grid]:
    """A position embedding for another grid, with or without a class token.

    Args:
        pos_embed: (1, E' + h * w, D) of the file.
        grid: (H, W) that is wanted.
        extra: E, rows wanted for extra tokens. The file's surplus rows are left
            out; a row that it lacks is zero.
        stated: (h, w) of the file, needed for rectangles.
        class_token: As for ``source_of``.

    Returns:
        (1, E + H * W, D) and the file's grid.
    """
    source, found = source_of(pos_embed.shape[1], grid, stated, class_token)
    patches = resize_pos_embed(pos_embed[:, found:], source, grid, mode, num_extra_tokens=0)
    kept = pos_embed[:, : min(found, extra)]
    missing = pos_embed.new_zeros(1, extra - kept.shape[1], pos_embed.shape[2])
    return torch.cat([kept, missing, patches], dim=1), source


def table_window(rows: int, stated: Grid | None = None) -> tuple[Grid, int]:
    """The window behind a bias table of ``rows`` rows, and its class rows."""
    for extra in (0, CLASS_ROWS):
        if stated and (2 * stated[0] - 1) * (2 * stated[1] - 1) == rows - extra:
            return stated, extra
        side = square_grid(rows - extra)
        if not stated and side and side[0] % 2:
            return ((side[0] + 1) // 2,) * 2, extra
    raise ValueError(
        f'A relative position bias table has {rows} rows, which is no square window; '
        'name its grid with source_grid=(rows, columns) in init_cfg.'
    )


def resize_bias_table(table: torch.Tensor, source: Grid, window: Grid) -> torch.Tensor:
    """A relative position bias table for another window.

    As BEiT and Swin do it: known offsets are spread in geometric progression,
    densely where they are near, and a bicubic spline through them is read at the
    offsets that are wanted.

    Args:
        table: ((2h - 1) * (2w - 1) [+ 3], heads) for ``source`` = (h, w); the
            three rows of a class token stay as they are.
        window: (H, W) that is wanted.

    Returns:
        ((2H - 1) * (2W - 1) [+ 3], heads).
    """
    if source == window:
        return table
    rows, columns = (2 * size - 1 for size in source)
    down, across = (
        torch.from_numpy(_spline_matrix(old, new)).to(table)
        for old, new in zip(source, window, strict=True)
    )
    offsets = table[: rows * columns].view(rows, columns, -1)
    resized = torch.einsum('ia,jb,abh->ijh', down, across, offsets).flatten(0, 1)
    return torch.cat([resized, table[rows * columns :]])


@lru_cache
def _spline_matrix(source: int, target: int) -> np.ndarray:
    """(2 * target - 1, 2 * source - 1): cubic interpolation is linear in its data."""
    reach = target - 1
    known = np.concatenate([[0.0], np.cumsum(_ratio(source - 1, reach) ** np.arange(source - 1))])
    known = np.concatenate([-known[:0:-1], known])
    wanted = np.arange(-reach, reach + 1.0).clip(known[0], known[-1])
    degree = min(3, len(known) - 1)
    return make_interp_spline(known, np.eye(len(known)), k=degree)(wanted)


def _ratio(steps: int, reach: int) -> float:
    """q so that 1 + q + ... over ``steps`` terms is ``reach``, within [1.01, 1.5]."""
    low, high = 1.01, 1.5
    while high - low > 1e-6:
        middle = (low + high) / 2
        if middle**steps - 1 > reach * (middle - 1):
            high = middle
        else:
            low = middle
    return (low + high) / 2


def resize_decomposed(table: torch.Tensor, size: int) -> torch.Tensor:
    """One axis of ViTDet's relative positions, (2h - 1, D) to (2 * size - 1, D)."""
    if len(table) == 2 * size - 1:
        return table
    return F.interpolate(table.T[None], size=2 * size - 1, mode='linear')[0].T
