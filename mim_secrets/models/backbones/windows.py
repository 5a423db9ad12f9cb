"""Maps cut into windows, and how the tokens of one window lie to each other.

Liu et al., "Swin Transformer", ICCV 2021; Liu et al., "Swin Transformer V2", CVPR
2022. Pure functions; a window is (h, w), its tokens N = h * w are counted row by
row, and so are the nW windows of a map.
"""

import torch

Size = tuple[int, int]

# Added to the logits of pairs that must not see each other. Finite as in the
# released models, whose features would differ otherwise.
APART = -100.0


def split_windows(maps: torch.Tensor, window: Size) -> torch.Tensor:
    """(B, H, W, C), H and W multiples of the window, to (B, nW, N, C)."""
    batch, height, width, channels = maps.shape
    h, w = window
    windows = maps.reshape(batch, height // h, h, width // w, w, channels)
    return windows.transpose(2, 3).reshape(batch, -1, h * w, channels)


def merge_windows(windows: torch.Tensor, window: Size, grid: Size) -> torch.Tensor:
    """(B, nW, N, C) back to (B, H, W, C) for ``grid`` = (H, W)."""
    h, w = window
    rows, columns = grid[0] // h, grid[1] // w
    maps = windows.reshape(len(windows), rows, columns, h, w, -1)
    return maps.transpose(2, 3).reshape(len(windows), *grid, -1)


def fit_window(grid: Size, window: int, shift: int) -> tuple[Size, Size]:
    """Window and shift of each axis of a map.

    On an axis that the window covers, the window is as long as the map and nothing
    is shifted: there is no other window to look into.
    """
    sizes = tuple(min(window, length) for length in grid)
    shifts = tuple(shift if window < length else 0 for length in grid)
    return sizes, shifts


def shift_mask(
    grid: Size, window: Size, shift: Size, device: torch.device | None = None
) -> torch.Tensor:
    """(nW, N, N) to add to the logits after a map was rolled up and left by ``shift``.

    The last windows then hold what was rolled out at the other end; 0 stands for
    pairs that were neighbours before, ``APART`` for pairs that were not.
    """
    rows, columns = (_regions(*axis, device) for axis in zip(grid, window, shift))
    regions = 3 * rows[:, None] + columns
    regions = split_windows(regions[None, :, :, None], window)[0, :, :, 0]
    return APART * (regions[:, :, None] != regions[:, None, :])


def _regions(length: int, window: int, shift: int, device: torch.device | None) -> torch.Tensor:
    """(length,) 0 before the last window, 1 inside it, 2 where it was rolled around."""
    place = torch.arange(length, device=device)
    return (place >= length - window).long() + (place >= length - shift).long()


def relative_index(window: Size) -> torch.Tensor:
    """(N, N) row of a table over all offsets for query i and key j.

    The table has (2h - 1) * (2w - 1) rows, counted row by row from the offset
    (1 - h, 1 - w) of query minus key on.
    """
    h, w = window
    row = torch.arange(h).repeat_interleave(w)
    column = torch.arange(w).repeat(h)
    down = row[:, None] - row[None, :] + h - 1
    across = column[:, None] - column[None, :] + w - 1
    return down * (2 * w - 1) + across


def cut_index(index: torch.Tensor, whole: Size, window: Size) -> torch.Tensor:
    """The part of ``relative_index(whole)`` that a smaller window reaches, (N, N)."""
    if window == whole:
        return index
    h, w = window
    return index.view(*whole, *whole)[:h, :w, :h, :w].reshape(h * w, h * w)


def relative_coordinates(window: Size, normalizer: Size) -> torch.Tensor:
    """(1, 2h - 1, 2w - 1, 2) all offsets on SwinV2's logarithmic scale.

    Offsets are divided by ``normalizer`` - 1, so that the longest one of a window
    of that size is 8, which the scale maps to log2(9) / 3.
    """
    axes = [
        torch.arange(1 - size, size, dtype=torch.float32) / max(unit - 1, 1) * 8
        for size, unit in zip(window, normalizer)
    ]
    offsets = torch.stack(torch.meshgrid(*axes, indexing='ij'), dim=-1)[None]
    return offsets.sign() * torch.log2(offsets.abs() + 1) / 3
