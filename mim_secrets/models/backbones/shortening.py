"""What is left of an encoder that is built without its last blocks."""

from collections.abc import Sequence

PLAIN_FIELDS = {'embed_dims', 'num_layers', 'num_heads', 'feedforward_channels'}


def blocks_left(encoder: str, depths: Sequence[int], drop_last: int) -> list[int]:
    """Blocks of each stage without the last ``drop_last``; emptied stages disappear.

    Without 3 blocks, ``[2, 2, 18, 2]`` is ``[2, 2, 17]``.

    Args:
        encoder: Its name, for the message.
        depths: Blocks of each stage; a plain transformer is one stage.
        drop_last: From 0 to one less than there are.
    """
    total = sum(depths)
    if not isinstance(drop_last, int) or not 0 <= drop_last < total:
        raise ValueError(
            f'{encoder}: drop_last is {drop_last!r}, but of {total} blocks at least one '
            f'has to stay; choose a number from 0 to {total - 1}.'
        )
    left = [min(depth, total - drop_last - sum(depths[:i])) for i, depth in enumerate(depths)]
    return [depth for depth in left if depth > 0]


def plain_arch(arch: str | dict, zoo: dict[str, dict], drop_last: int) -> dict:
    """The fields of a plain transformer, ``num_layers`` without the last blocks."""
    known = zoo.get(arch.lower()) if isinstance(arch, str) else arch
    if known is None or not set(known) >= PLAIN_FIELDS:
        raise ValueError(
            f'ViT: arch is {arch!r}; choose one of {sorted(zoo)}, or give a dict with '
            f'{sorted(PLAIN_FIELDS)}.'
        )
    (left,) = blocks_left('ViT', [known['num_layers']], drop_last)
    return dict(known, num_layers=left)


def plain_levels(out_indices: int | Sequence[int], num_layers: int) -> list[int]:
    """Numbers of blocks, negative ones counted from the last that is left."""
    asked = [out_indices] if isinstance(out_indices, int) else list(out_indices)
    if not all(-num_layers <= index < num_layers for index in asked):
        raise ValueError(
            f'ViT: out_indices are {asked}, but blocks are numbered 0 to {num_layers - 1}; '
            'name some of them, or -1 for the last.'
        )
    return [index % num_layers for index in asked]


def pyramid_levels(
    encoder: str, out_indices: Sequence[int], stages: int, left: int
) -> tuple[int, ...]:
    """Numbers of stages, each that is gone replaced by the last one left."""
    if not out_indices or not set(out_indices) <= set(range(stages)):
        raise ValueError(
            f'{encoder}: out_indices are {tuple(out_indices)}, but stages are numbered 0 to '
            f'{stages - 1}; name one of them or more.'
        )
    return tuple(dict.fromkeys(min(stage, left - 1) for stage in out_indices))
