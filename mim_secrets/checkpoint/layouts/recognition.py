"""Tell by the names in a file whose they are and where the encoder stands."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mim_secrets.checkpoint.layouts.layout import Layout
from mim_secrets.checkpoint.layouts.replknet import REPLKNETS
from mim_secrets.checkpoint.layouts.swin import SWINS
from mim_secrets.checkpoint.layouts.vit import VITS
from mim_secrets.checkpoint.renaming import StateDict

LAYOUTS: tuple[Layout, ...] = (*VITS, *SWINS, *REPLKNETS)


@dataclass(frozen=True)
class Found:
    """A layout, the prefix under which its encoder stands, and how that was told."""

    layout: Layout
    prefix: str
    why: str


class UnknownLayout(ValueError):  # noqa: N818  it says what is the matter
    """No layout fits the names of a file."""


def recognise(state_dict: StateDict) -> Found:
    """The layout of a file, or :class:`UnknownLayout`.

    The encoder may stand under any prefix. Where there are several encoders, weights
    that were averaged in training (``ema``, or ``teacher`` beside ``student``) come
    first, and what only guided it (``teacher``, ``momentum``, ``target``) last; then
    the shortest prefix counts.
    """
    places = [
        (layout, prefix)
        for layout in LAYOUTS
        for prefix in _prefixes(state_dict, layout.signs[0])
        if not speaks_against(layout, prefix, state_dict)
    ]
    if not places:
        raise UnknownLayout(_nearest(state_dict))
    prefixes = list(dict.fromkeys(prefix for _, prefix in places))
    prefix = min(prefixes, key=lambda prefix: _rank(prefix, prefixes))
    fitting = [layout for layout, place in places if place == prefix]
    # a prefix that one house alone uses tells more than the order of the tables
    layout = next((x for x in fitting if x.encoder_at and x.at_home(prefix)), fitting[0])
    return Found(layout, prefix, _why(layout, prefix, prefixes))


def layout_named(name: str, family: str) -> Layout:
    """The layout that a house has for a family of encoders."""
    of_family = {layout.name: layout for layout in LAYOUTS if layout.family == family}
    if name not in of_family:
        raise ValueError(
            f'There is no layout {name!r} for a {family} encoder; there are '
            f'{", ".join(sorted(of_family))}.'
        )
    return of_family[name]


def _prefixes(state_dict: StateDict, anchor: str) -> list[str]:
    """Everything that stands before ``anchor``."""
    return [name.removesuffix(anchor) for name in state_dict if f'.{name}'.endswith(f'.{anchor}')]


def speaks_against(layout: Layout, prefix: str, state_dict: StateDict) -> list[str]:
    """What speaks against a layout: signs that are missing, names that should be."""
    missing = [sign for sign in layout.signs if not _has(state_dict, prefix, sign)]
    present = [name for name in layout.absent if prefix + name in state_dict]
    return [f'{name} is not there' for name in missing] + [f'{name} is there' for name in present]


def _has(state_dict: StateDict, prefix: str, sign: str) -> bool:
    name, _, shape = sign.partition(' ')
    if prefix + name not in state_dict:
        return False
    return not shape or state_dict[prefix + name].ndim == shape.count(',') + 1


def _rank(prefix: str, prefixes: Sequence[str]) -> tuple[int, int, str]:
    words, all_words = _words(prefix), _words(' '.join(prefixes))
    averaged = 'ema' in words or ('teacher' in words and 'student' in all_words)
    guide = words & {'teacher', 'momentum', 'target'}
    return 0 if averaged else 2 if guide else 1, len(prefix), prefix


def _words(text: str) -> set[str]:
    return set(re.split(r'[._ ]', text))


def _why(layout: Layout, prefix: str, prefixes: Sequence[str]) -> str:
    place = f'under {prefix}' if prefix else 'without prefix'
    signs = f'{layout.signs[0]} and {layout.signs[-1]}'
    why = f'{layout.name} names of a {layout.family} {place}, told by {signs}'
    others = sorted({*prefixes} - {prefix})
    if not others:
        return why
    averaged = _rank(prefix, prefixes)[0] == 0
    reason = 'these weights were averaged in training' if averaged else 'this prefix is shorter'
    return f'{why}; {_list(others)} left aside, because {reason}'


def _nearest(state_dict: StateDict) -> str:
    """One sentence on what is missing for the layouts that come closest."""
    tries = [
        (len(against), len(layout.signs + layout.absent), layout, prefix, against)
        for layout in LAYOUTS
        for prefix in dict.fromkeys(_prefixes(state_dict, layout.signs[0]))
        if (against := speaks_against(layout, prefix, state_dict))
    ]
    if not tries:
        names = ', '.join(list(state_dict)[:3]) or 'none at all'
        return (
            f'The file holds no encoder of a known layout: its names begin with {names}, '
            'and the first block of none of them is among them; see '
            'tools/model_converters/convert.py --table.'
        )
    tries.sort(key=lambda attempt: attempt[:2])
    nearest = '; '.join(
        f'{layout.name} ({layout.family}), but {" and ".join(against)}'
        + (f' under {prefix}' if prefix else '')
        for _, _, layout, prefix, against in tries[:2]
    )
    return (
        f'The file holds no encoder of a known layout; nearest: {nearest}; see '
        'tools/model_converters/convert.py --table.'
    )


def _list(names: Sequence[str]) -> str:
    shown = ', '.join(name or '(no prefix)' for name in names[:3])
    return shown + (f' and {len(names) - 3} more' if len(names) > 3 else '')
