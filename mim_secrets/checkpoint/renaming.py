"""Tensors under one house's names, to tensors under another's, by a table.

A table is a sequence of rules that can be read in either direction. A rule pairs
templates of names, in which

- ``{n}`` stands for a number and ``{n+1}`` for the number that follows it,
- ``{last}`` stands for the highest ``{s}`` that the tensors have (the last stage),
- a closing ``*`` stands for the rest of the name.

Most rules only rename. Where several names become one, where one name becomes one
for every block, or where values stand in another order, the rule has a
:class:`Change` as well.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import torch

StateDict = dict[str, torch.Tensor]
Values = dict[str, int | str]
# (tensors in the order of the rule's templates, how many are wanted) -> as many, or
# None where the rule does not hold for such values
Way = Callable[[Sequence[torch.Tensor], int], Sequence[torch.Tensor] | None]

PLACEHOLDER = re.compile(r'\{(\w+?)(?:\+(\d+))?\}|(\*)$')


@dataclass(frozen=True)
class Change:
    """What happens to values on the way to ours, and on the way back.

    Each undoes the other exactly; a way that there is not is ``None``. ``loses`` says
    for each tensor what ``back`` leaves out of it, if anything.
    """

    into: Way | None
    back: Way | None
    loses: Callable[[Sequence[torch.Tensor]], Sequence[str]] = lambda tensors: ()


def as_it_is(tensors: Sequence[torch.Tensor], wanted: int) -> Sequence[torch.Tensor]:
    return tensors


RENAMED = Change(as_it_is, as_it_is)


class Rule:
    """Names of theirs, names of ours, and how values change between them.

    Of several rules for one name the first counts, so that the first of two names
    of theirs is the one that is written and both are read.
    """

    def __init__(
        self,
        theirs: str | tuple[str, ...],
        ours: str | tuple[str, ...],
        change: Change = RENAMED,
    ) -> None:
        self.theirs = (theirs,) if isinstance(theirs, str) else theirs
        self.ours = (ours,) if isinstance(ours, str) else ours
        self.change = change


def under(theirs: str, ours: str, rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """A table for the names below a prefix on either side."""
    return tuple(
        Rule(
            tuple(theirs + name for name in rule.theirs),
            tuple(ours + name for name in rule.ours),
            rule.change,
        )
        for rule in rules
    )


def same(*names: str) -> tuple[Rule, ...]:
    """A table for names that both sides have."""
    return tuple(Rule(name, name) for name in names)


@dataclass
class Translation:
    """What a table made of some tensors."""

    tensors: StateDict = field(default_factory=dict)  # under their new names
    sources: dict[str, tuple[str, ...]] = field(default_factory=dict)  # new -> old names
    left: dict[str, str] = field(default_factory=dict)  # old name -> why, '' for no rule
    lost: dict[str, str] = field(default_factory=dict)  # old name -> part that was lost


def translate(tensors: StateDict, rules: Sequence[Rule], back: bool = False) -> Translation:
    """Move ``tensors`` to the other side of a table, from ours if ``back``.

    Tensors that only change their name are handed on, not copied.
    """
    done = Translation(left=dict.fromkeys(tensors, ''))
    numbers = _numbers(tensors, rules, back)
    for rule in rules:
        given, wanted = (rule.ours, rule.theirs) if back else (rule.theirs, rule.ours)
        way = rule.change.back if back else rule.change.into
        if way is None:
            continue
        for values in _bindings(done.left, given, wanted):
            sources = _expand(given, values, numbers)
            targets = _expand(wanted, values, numbers)
            if not (sources and targets):
                continue  # no number is known for a placeholder, such as the last stage
            obstacle = _obstacle(sources, targets, done)
            if obstacle:
                done.left |= dict.fromkeys(done.left.keys() & set(sources), obstacle)
                continue
            inputs = [tensors[name] for name in sources]
            results = way(inputs, len(targets))
            if results is None:
                continue
            losses = rule.change.loses(inputs) if back else ()
            done.lost |= {name: loss for name, loss in zip(sources, losses) if loss}
            done.tensors |= dict(zip(targets, results, strict=True))
            done.sources |= dict.fromkeys(targets, tuple(sources))
            for name in sources:
                del done.left[name]
    order = {name: index for index, name in enumerate(tensors)}
    names = sorted(done.tensors, key=lambda name: order[done.sources[name][0]])
    done.tensors = {name: done.tensors[name] for name in names}
    return done


def _obstacle(sources: Sequence[str], targets: Sequence[str], done: Translation) -> str:
    missing = [name for name in sources if name not in done.left]
    if missing:
        return f'{missing[0]}, which belongs to it, is not there'
    taken = [name for name in targets if name in done.tensors]
    if taken:
        return f'{taken[0]} is already filled by {done.sources[taken[0]][0]}'
    return ''


def _numbers(tensors: StateDict, rules: Sequence[Rule], back: bool) -> dict[str, set]:
    """Placeholder -> every number that it stands for in ``tensors``."""
    numbers = defaultdict(set)
    for rule in rules:
        for template in rule.ours if back else rule.theirs:
            if '{last}' in template:
                continue
            for name in tensors:
                for placeholder, value in (_match(template, name) or {}).items():
                    if placeholder != '*':
                        numbers[placeholder].add(value)
    numbers['last'] = {max(numbers['s'])} if numbers['s'] else set()
    return numbers


def _bindings(
    names: Iterable[str], given: tuple[str, ...], wanted: tuple[str, ...]
) -> list[Values]:
    """Values of the placeholders that both sides of a rule have, each once."""
    shared = _placeholders(given) & _placeholders(wanted)
    found = {}
    for name in names:
        for template in given:
            values = _match(template, name)
            if values is not None:
                values = {key: value for key, value in values.items() if key in shared}
                found[tuple(values.items())] = values
    return list(found.values())


def _expand(templates: tuple[str, ...], values: Values, numbers: dict) -> list[str]:
    """All names that the templates stand for, once ``values`` are put in."""
    names = []
    for template in templates:
        free = sorted(_placeholders((template,)) - values.keys())
        for combination in product(*(sorted(numbers[key]) for key in free)):
            names.append(_fill(template, {**values, **dict(zip(free, combination))}))
    return names


def _placeholders(templates: tuple[str, ...]) -> set[str]:
    return {m[1] or m[3] for template in templates for m in PLACEHOLDER.finditer(template)}


def _fill(template: str, values: Values) -> str:
    def text(match: re.Match) -> str:
        return match[3] and values['*'] or str(values[match[1]] + int(match[2] or 0))

    return PLACEHOLDER.sub(text, template)


def _match(template: str, name: str) -> Values | None:
    """Values of the placeholders that make ``name`` out of ``template``."""
    expression, added = _expression(template)
    match = expression.fullmatch(name)
    if match is None:
        return None
    values = {key: int(match[key]) - more for key, more in added.items()}
    if any(value < 0 for value in values.values()):
        return None
    return {**values, '*': match['rest']} if template.endswith('*') else values


@cache
def _expression(template: str) -> tuple[re.Pattern, dict[str, int]]:
    """A template as a regular expression, and what is added to each number."""
    added, parts, end = {}, [], 0
    for match in PLACEHOLDER.finditer(template):
        parts.append(re.escape(template[end : match.start()]))
        end = match.end()
        if match[3]:
            parts.append(r'(?P<rest>.+)')
        else:
            added[match[1]] = int(match[2] or 0)
            parts.append(rf'(?P<{match[1]}>\d+)')
    return re.compile(''.join(parts) + re.escape(template[end:])), added
