"""Every known way to name an encoder, and the road between any two of them.

Our names are mmpretrain's: the encoder under ``backbone.``, a decoder under
``neck.``, then ``fusion.`` and ``head.``. A :class:`Layout` is a table between
those and another house's; what a table has no rule for is dropped by name.
"""

from dataclasses import dataclass, field

from mim_secrets.checkpoint.layouts.layout import HERE, Layout
from mim_secrets.checkpoint.layouts.recognition import (
    LAYOUTS,
    Found,
    UnknownLayout,
    layout_named,
    recognise,
    speaks_against,
)
from mim_secrets.checkpoint.layouts.vit import MFF_FUSION
from mim_secrets.checkpoint.renaming import StateDict, Translation, translate

__all__ = [
    'HERE',
    'LAYOUTS',
    'Converted',
    'Found',
    'Layout',
    'UnknownLayout',
    'from_mmpretrain',
    'from_ours',
    'layout_named',
    'recognise',
    'to_ours',
]

OUR_ENCODER = 'backbone.'
# Buffers that a model computes from its window; kept by those that a rule names.
RECOMPUTED = ('relative_position_index', 'relative_coords_table', 'attn_mask')
NEVER_KEPT = ('relative_position_index', 'attn_mask')
FROM_WINDOW = 'recomputed from the window'


@dataclass
class Converted:
    """Tensors under new names, and what became of the others.

    Attributes:
        tensors: Handed on without a copy unless their values had to change.
        dropped: Name -> why it has no place among them. A name with a part that got
            lost stands here, too.
        sources: New name -> the names that it was made of.
    """

    tensors: StateDict = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)


def to_ours(state_dict: StateDict, found: Found | None = None) -> Converted:
    """A file under our names, which start with backbone, neck, fusion or head."""
    found = found or recognise(state_dict)
    layout, prefix = found.layout, found.prefix
    root = prefix.removesuffix(layout.encoder_at) if layout.at_home(prefix) else prefix
    converted = Converted()
    inside = _kept(state_dict, converted)

    around = translate(_below(root, inside), layout.beside)
    rest = {root + name: inside[root + name] for name in around.left}
    encoder = translate(_below(prefix, rest), layout.encoder)
    _add(converted, encoder, old=prefix, new=OUR_ENCODER)
    _add(converted, around, old=root, new='')

    why = {root + name: reason for name, reason in around.left.items() if reason}
    for name, reason in encoder.left.items():
        why[prefix + name] = reason or _no_place(name, f'our {layout.family}')
    used = {name for names in converted.sources.values() for name in names}
    for name in inside:
        if name not in used:
            converted.dropped[name] = why.get(name, 'not part of the encoder')
    return converted


def from_ours(state_dict: StateDict, layout: Layout, encoder_only: bool = False) -> Converted:
    """Our names in another layout; ``encoder_only`` without prefix and surroundings."""
    if not layout.writes:
        raise ValueError(
            f'{layout.name} can be read but not written, because its values do not '
            'follow from ours; choose another layout.'
        )
    ours = layout_named(HERE, layout.family)
    missing = speaks_against(ours, OUR_ENCODER, state_dict)
    if missing:
        raise ValueError(
            f'{layout.name} is a layout for a {layout.family}, and there is none under '
            f'{OUR_ENCODER} ({missing[0]}); choose a layout of the family that is there.'
        )
    converted = Converted()
    kept = _kept(state_dict, converted)
    encoder = translate(_below(OUR_ENCODER, kept), layout.encoder, back=True)
    _add(converted, encoder, old=OUR_ENCODER, new='' if encoder_only else layout.encoder_at)
    around = Translation()
    if not encoder_only:
        beside = {n: t for n, t in kept.items() if not n.startswith(OUR_ENCODER)}
        around = translate(beside, layout.beside, back=True)
        _add(converted, around, old='', new='')
    for prefix, left in ((OUR_ENCODER, encoder.left), ('', around.left)):
        for name, why in left.items():
            converted.dropped[prefix + name] = why or _no_place(name, layout.name)
    return converted


def from_mmpretrain(state_dict: StateDict, prefix: str = '') -> StateDict:
    """A whole model of mmpretrain's under our names; what has them already stays.

    Args:
        prefix: What stands before the names of the model.
    """
    fusion = translate(_below(prefix, state_dict), MFF_FUSION)
    moved = {prefix + name for names in fusion.sources.values() for name in names}
    renamed = {name: tensor for name, tensor in state_dict.items() if name not in moved}
    return renamed | {prefix + name: tensor for name, tensor in fusion.tensors.items()}


def _below(prefix: str, state_dict: StateDict) -> StateDict:
    length = len(prefix)
    return {name[length:]: t for name, t in state_dict.items() if name.startswith(prefix)}


def _kept(state_dict: StateDict, converted: Converted) -> StateDict:
    """All but the buffers that nobody needs, which are noted as dropped."""
    gone = [name for name in state_dict if name.rpartition('.')[2] in NEVER_KEPT]
    converted.dropped |= dict.fromkeys(gone, FROM_WINDOW)
    return {name: t for name, t in state_dict.items() if name not in converted.dropped}


def _no_place(name: str, where: str) -> str:
    return FROM_WINDOW if name.rpartition('.')[2] in RECOMPUTED else f'no place in {where}'


def _add(converted: Converted, part: Translation, old: str, new: str) -> None:
    """Take over a translation, putting the prefixes of both sides back."""
    for name, tensor in part.tensors.items():
        converted.tensors[new + name] = tensor
        converted.sources[new + name] = tuple(old + source for source in part.sources[name])
    converted.dropped |= {old + name: what for name, what in part.lost.items()}
