"""Fit the tensors of an encoder to one that was built for another purpose.

Another image size, another window, no class token, a norm of its own: what can be
resized is, what has no place is dropped by name, and both are told.
"""

import re
from dataclasses import dataclass, field

import torch
from torch import nn

from mim_secrets.checkpoint.reading import StateDict
from mim_secrets.checkpoint.resizing import (
    Grid,
    resize_bias_table,
    resize_decomposed,
    resize_positions,
    table_window,
)

# Name -> why an encoder may have no place for it. First match counts.
NO_PLACE = [
    (r'cls_token$', 'this encoder has no class token'),
    (r'ln1\.', 'this encoder does not normalise its last block'),
    (r'ln2\.', 'this encoder does not pool'),
    (r'norm\d\.', 'this encoder does not put out that stage'),
    (r'mask_token$', 'this encoder does not mask'),
    (r'(absolute_)?pos_embed$', 'this encoder has no absolute positions'),
    (r'.*(rel_pos_[hw]|relative_position_bias_table)$', 'this encoder has no relative positions'),
    (r'.*gamma[12]\.weight$', 'this encoder has no layer scale'),
    (r'(layers|stages)\.', 'this encoder has no such block'),
]

# What downstream tasks add and pre-training need not have; all of it starts neutral.
ADDITIONS = re.compile(
    r'ln[12]\.|norm\d\.|mask_token$|.*(rel_pos_[hw]|gamma[12]\.weight)$'
    r'|layers\..*relative_position_bias_table$'
)


@dataclass
class Fitted:
    """Tensors that an encoder can load, and what became of the others."""

    tensors: StateDict = field(default_factory=dict)
    resized: dict[str, str] = field(default_factory=dict)  # name -> from and to
    dropped: dict[str, str] = field(default_factory=dict)  # name -> why


def fit(tensors: StateDict, encoder: nn.Module, source_grid: Grid | None = None) -> Fitted:
    """Resize and drop so that what is left loads into ``encoder``.

    Args:
        tensors: An encoder under our names, without prefix.
        source_grid: Rows and columns that the file was trained at, where that
            is a rectangle.
    """
    wanted = {name: tensor.shape for name, tensor in encoder.state_dict().items()}
    fitted = Fitted()
    for name, tensor in tensors.items():
        if name.endswith('relative_coords_table'):
            continue  # recomputed by the encoder, after check_windows has seen it
        if name not in wanted:
            fitted.dropped[name] = no_place(name, encoder)
            continue
        if name.endswith('pos_embed'):
            class_token = 'cls_token' in tensors
            tensor, change = _resize_positions(tensor, encoder, source_grid, class_token)
        else:
            tensor, change = _resize(name, tensor, encoder, source_grid)
        if tensor.shape != wanted[name]:
            raise ValueError(
                f'{name} is {_shape(tensor)} in the file and {_shape(wanted[name])} in '
                f'this {type(encoder).__name__}; build it with the architecture, patch '
                'size and channels that it was pre-trained with'
            )
        fitted.tensors[name] = tensor
        if change:
            fitted.resized[name] = change
    return fitted


def _resize_positions(
    tensor: torch.Tensor, encoder: nn.Module, stated: Grid | None, class_token: bool
) -> tuple[torch.Tensor, str]:
    """A position embedding as ``encoder`` needs it, and how it was changed."""
    grid, extra = tuple(encoder.patch_resolution), encoder.num_extra_tokens
    resized, source = resize_positions(
        tensor, grid, extra, stated, class_token, encoder.interpolate_mode
    )
    found = tensor.shape[1] - source[0] * source[1]
    if (source, found) == (grid, extra):
        return tensor, ''
    rows = f' and {found} -> {extra} extra rows' if found != extra else ''
    return resized, f'{_grid(source)} -> {_grid(grid)}{rows}'


def _resize(
    name: str, tensor: torch.Tensor, encoder: nn.Module, stated: Grid | None
) -> tuple[torch.Tensor, str]:
    """Relative positions as ``encoder`` needs them, and how they were changed."""
    module, _, leaf = name.rpartition('.')
    if leaf == 'relative_position_bias_table':
        window = encoder.get_submodule(module).window
        source, _ = table_window(len(tensor), stated)
        change = f'window {_grid(source)} -> {_grid(window)}' if source != window else ''
        return resize_bias_table(tensor, source, window), change
    if leaf in ('rel_pos_h', 'rel_pos_w'):
        size = (len(getattr(encoder.get_submodule(module), leaf)) + 1) // 2
        before = (len(tensor) + 1) // 2
        change = f'{before} -> {size}' if before != size else ''
        return resize_decomposed(tensor, size), change
    return tensor, ''


def no_place(name: str, encoder: nn.Module) -> str:
    """Why an encoder has no parameter ``name``."""
    drop_last = getattr(encoder, 'drop_last', 0)
    if drop_last and name.startswith(('layers.', 'stages.')):
        return f'left out by drop_last={drop_last}'
    matching = (why for pattern, why in NO_PLACE if re.match(pattern, name))
    return next(matching, 'this encoder has no such parameter')


def check_windows(tensors: StateDict, encoder: nn.Module) -> None:
    """Refuse a SwinV2 that measures distances otherwise than its file did.

    Its relative positions are divided by the window of pre-training; another
    divisor loads without complaint and shifts every attention map.
    """
    table = re.compile(r'stages\.(\d+)\.blocks\.0\.attn\.w_msa\.relative_coords_table$')
    stages = [name for name in tensors if table.match(name)]
    buffers = dict(encoder.named_buffers())
    trained = [_divisor(tensors[name]) for name in stages]
    # the last stages may be left out of the encoder
    built = [_divisor(buffers[name]) for name in stages if name in buffers]
    if any(old and new and old != new for old, new in zip(trained, built)):
        raise ValueError(
            f'it was pre-trained with windows of {trained}, but this '
            f'{type(encoder).__name__} measures distances for {built}; set '
            f'pretrained_window_sizes={trained}'
        )


def _divisor(table: torch.Tensor) -> int:
    """The window that a table (1, 2h - 1, 2w - 1, 2) of log-spaced offsets was
    divided by, or 0 where a window of one token leaves nothing to divide."""
    reach = (table.shape[1] - 1) // 2
    farthest = float(table[0, -1, 0, 0])  # log2(8 * reach / (window - 1) + 1) / log2(8)
    return round(8 * reach / (8**farthest - 1)) + 1 if reach else 0


def _grid(grid: Grid) -> str:
    return f'{grid[0]}x{grid[1]}'


def _shape(tensor: torch.Tensor | torch.Size) -> tuple[int, ...]:
    return tuple(getattr(tensor, 'shape', tensor))
