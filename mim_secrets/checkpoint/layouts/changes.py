"""Values that differ between houses: ``into`` makes them ours, ``back`` theirs again.

Every function takes the tensors of one rule and the number of tensors wanted, and
returns ``None`` where the rule does not hold for what it was given.
"""

from collections.abc import Sequence
from math import isqrt

import torch

from mim_secrets.checkpoint.renaming import Change, as_it_is

Tensors = Sequence[torch.Tensor]


def _join(parts: Tensors, wanted: int) -> Tensors:
    return [torch.cat(list(parts))]


def _split(whole: Tensors, wanted: int) -> Tensors:
    return whole[0].chunk(wanted)


def _join_without_key(parts: Tensors, wanted: int) -> Tensors:
    query, value = parts
    return [torch.cat([query, torch.zeros_like(query), value])]


def _split_without_key(whole: Tensors, wanted: int) -> Tensors:
    query, _, value = whole[0].chunk(3)
    return [query, value]


def _key_bias(whole: Tensors) -> list[str]:
    if not whole[0].chunk(3)[1].any():
        return []
    return ['its key part, which adds the same to every logit and which softmax ignores']


def _blocks_to_channels(blocks: Tensors, wanted: int) -> Tensors:
    """(..., 2 columns, 2 rows, C) to (..., C, 2 rows, 2 columns), each flattened."""
    return [blocks[0].unflatten(-1, (2, 2, -1)).transpose(-3, -1).flatten(-3)]


def _channels_to_blocks(channels: Tensors, wanted: int) -> Tensors:
    return [channels[0].unflatten(-1, (-1, 2, 2)).transpose(-3, -1).flatten(-3)]


def _repeat(one: Tensors, wanted: int) -> Tensors:
    return [one[0]] * wanted


def _one_of_equals(many: Tensors, wanted: int) -> Tensors | None:
    return many[:1] if all(torch.equal(many[0], other) for other in many[1:]) else None


def _flatten_grid(grid: Tensors, wanted: int) -> Tensors:
    return [grid[0].flatten(1, 2)]


def _to_grid(positions: Tensors, wanted: int) -> Tensors:
    rows = positions[0].shape[1]
    extra = _extra_rows(positions[0])
    if extra is None:
        raise ValueError(
            f'The position embedding has {rows} rows, which make no square; this layout '
            'keeps them as a grid, so resize the embedding to a square first.'
        )
    side = isqrt(rows)
    return [positions[0][:, extra:].unflatten(1, (side, side))]


def _to_grid_without_class(both: Tensors, wanted: int) -> Tensors:
    positions, _ = both
    return _to_grid([positions[:, 1:]], wanted)


def _extra_rows(positions: torch.Tensor) -> int | None:
    """How many rows more than a square: none, or one for a class token."""
    extra = positions.shape[1] - isqrt(positions.shape[1]) ** 2
    return extra if extra in (0, 1) else None


CLASS_ROW = 'its row for a class token'


# query, key and value apart <-> in one matrix
JOINED = Change(_join, _split)
# biases of query and value <-> those of query, key and value
WITHOUT_KEY_BIAS = Change(_join_without_key, _split_without_key, _key_bias)
# The four patches that become one: the original code lays them side by side, column
# by column; OpenMMLab unfolds them, so that those of one channel are neighbours.
MERGING = Change(_blocks_to_channels, _channels_to_blocks)
# one table for all blocks <-> one for each
SHARED = Change(_repeat, _one_of_equals)
# (1, H, W, C) <-> (1, H * W, C), where a row for a class token may be left of one
GRID = Change(_flatten_grid, _to_grid, lambda ours: [CLASS_ROW] if _extra_rows(ours[0]) else [])
# the same beside a class token, which goes, too
GRID_BESIDE_CLASS = Change(
    None, _to_grid_without_class, lambda ours: [CLASS_ROW, 'no place beside a grid']
)
# (K, 1, 1, 1) <-> (K,)
LOGITS = Change(
    lambda theirs, wanted: [theirs[0].flatten()],
    lambda ours, wanted: [ours[0].view(-1, 1, 1, 1)],
)
# The pose models of ViTPose's authors add the class token's row to every patch.
CLASS_ROW_ADDED = Change(lambda theirs, wanted: [theirs[0][:, 1:] + theirs[0][:, :1]], None)
# a buffer that old files have and today's models do not
ONLY_READ = Change(as_it_is, None)
