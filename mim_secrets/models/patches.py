"""Images as patches: cutting, gathering, putting back, and where they are."""

import torch


def grid_of(images: torch.Tensor, patch_size: int) -> tuple[int, int]:
    """Rows and columns of patches in images (B, C, H, W)."""
    height, width = images.shape[-2:]
    if height % patch_size or width % patch_size:
        raise ValueError(
            f'Images of {height}x{width} pixels do not divide into patches of '
            f'{patch_size}x{patch_size}; resize or crop them to multiples of '
            f'{patch_size} in the pipeline.'
        )
    return height // patch_size, width // patch_size


def gather_patches(images: torch.Tensor, ids: torch.Tensor, patch_size: int) -> torch.Tensor:
    """Cut out only the patches that are named.

    Args:
        images: (B, C, H, W).
        ids: (B, K) patch numbers, counted row by row.

    Returns:
        (B, K, C, p, p), a copy of nothing but these K patches.
    """
    batch, channels, height, width = images.shape
    rows, columns = grid_of(images, patch_size)
    patches = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    patches = patches.permute(0, 2, 4, 1, 3, 5)  # (B, rows, columns, C, p, p), a view
    image = torch.arange(batch, device=ids.device)[:, None]
    row = torch.div(ids, columns, rounding_mode='floor')
    return patches[image, row, ids - row * columns]


def scatter_patches(images: torch.Tensor, ids: torch.Tensor, patches: torch.Tensor) -> torch.Tensor:
    """A copy of ``images`` with patches (B, K, C, p, p) put in at ``ids`` (B, K)."""
    patch_size = patches.shape[-1]
    batch, channels, height, width = images.shape
    rows, columns = grid_of(images, patch_size)
    out = images.reshape(batch, channels, rows, patch_size, columns, patch_size)
    out = out.permute(0, 2, 4, 1, 3, 5).contiguous()
    image = torch.arange(batch, device=ids.device)[:, None]
    row = torch.div(ids, columns, rounding_mode='floor')
    out[image, row, ids - row * columns] = patches.to(out.dtype)
    return out.permute(0, 3, 1, 4, 2, 5).reshape(batch, channels, height, width)


def hide_tokens(
    tokens: torch.Tensor, grid: tuple[int, int], masked: torch.Tensor, token: torch.Tensor
) -> torch.Tensor:
    """Put ``token`` in the place of every patch that is masked.

    Args:
        tokens: (B, h * w, C).
        grid: (h, w).
        masked: (B, m_h, m_w), true where hidden. A cell stands for one patch, or for
            a square of them.
        token: (1, 1, C).
    """
    side = max(grid[1] // masked.shape[-1], 1)
    if tuple(masked.shape) != (len(tokens), grid[0] / side, grid[1] / side):
        raise ValueError(
            f'A mask of shape {tuple(masked.shape)} does not fit {len(tokens)} images of '
            f'{grid[0]}x{grid[1]} patches; its cells must be squares of patches that cover '
            'the grid.'
        )
    masked = masked.repeat_interleave(side, 1).repeat_interleave(side, 2)
    return torch.where(masked.flatten(1)[..., None], token.to(tokens.dtype), tokens)


def sincos_positions(grid: tuple[int, int], dims: int) -> torch.Tensor:
    """MAE's fixed 2-D position embedding, class token first: (1, 1 + N, D).

    The first half of the channels encodes the row and the second the column,
    each as sines and cosines of the position times frequencies from 1 down to
    1/10000. This is mmpretrain's order for square grids (the original MAE has
    the halves the other way round); rectangular grids, which mmpretrain numbers
    column by column, keep the row-by-row order of the patches here.
    """
    if dims % 4:
        raise ValueError(
            f'A 2-D sine-cosine position embedding needs a width divisible by 4, but got {dims}.'
        )
    rows, columns = grid
    quarter = dims // 4
    omega = 10000.0 ** -(torch.arange(quarter, dtype=torch.float64) / quarter)
    row = torch.arange(rows, dtype=torch.float64)[:, None].expand(rows, columns)
    column = torch.arange(columns, dtype=torch.float64)[None].expand(rows, columns)
    angles = [axis.reshape(-1, 1) * omega for axis in (row, column)]
    table = torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)], 1)
    return torch.cat([table.new_zeros(1, dims), table])[None].float()
