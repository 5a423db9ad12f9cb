"""What the numbers say, in two sentences for each measure, written by rule.

A sentence claims that numbers differ only where their 95 % intervals lie apart;
otherwise it says that they do not tell the models, or the layers, apart.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mim_secrets.analysis.report.words import Span, apart, listed, span
from mim_secrets.analysis.tables import Table

Spans = dict[str, Span]

APART = (
    'A difference is stated only where 95 % intervals do not overlap. The interval of a mean over '
    'several rows of a table goes from the mean of their low ends to the mean of their high ends, '
    'which is wider than need be.'
)
BESIDE = 'The model that was named first is compared with each of the others.'


@dataclass(frozen=True)
class Claims:
    """Two sentences, and the rule that they were written by."""

    sentences: tuple[str, str]
    rule: str


@dataclass(frozen=True)
class Words:
    """How a quantity is spoken of.

    Attributes:
        what: The quantity: "the mean distance".
        more: What a model with a higher number does: "look farther".
        less: And with a lower one.
    """

    what: str
    more: str
    less: str


def compare(where: str, spans: Spans, words: Words) -> str:
    """How the first model stands to each of the others.

    Args:
        where: What the numbers are of: "over the last third of the layers".
        spans: Of all models; the first one is compared with the others.
    """
    spans = {name: one for name, one in spans.items() if one.mean == one.mean}
    if len(spans) < 2:
        return f'{capital(words.what)} is not known of two models, so none are compared.'
    (first, own), *rest = spans.items()
    groups = {
        words.less: [(n, one) for n, one in rest if own.below(one)],
        words.more: [(n, one) for n, one in rest if one.below(own)],
    }
    parts = [
        f'{verb} than {listed([f"{name} {one.aside}" for name, one in found])}'
        for verb, found in groups.items()
        if found
    ]
    unsure = [f'{name} {one.aside}' for name, one in rest if not apart(own, one)]
    if not parts:
        known = all(one.low == one.low for one in spans.values())
        why = 'the intervals overlap' if known else 'of so few images there is no interval'
        return (
            f'{capital(where)}, {words.what} does not tell {first} {own.aside} apart from '
            f'{listed(unsure)}: {why}.'
        )
    text = f'{capital(where)}, {first} {own.aside} {listed(parts)}'
    if unsure:
        text += f'; the numbers do not tell it apart from {listed(unsure)}'
    return f'{text}.'


def change(start: str, end: str, spans: dict[str, tuple[Span, Span]], words: Words) -> str:
    """Whether the quantity rises or falls in each model.

    Args:
        start: What the first number is of: "the first layer".
        end: And the second: "the last".
        spans: The two numbers of each model.
    """
    groups: dict[str, list[str]] = {'rises': [], 'falls': [], 'does not clearly change': []}
    for name, (one, two) in spans.items():
        if not apart(one, two):
            groups['does not clearly change'].append(name)
        else:
            groups['rises' if one.below(two) else 'falls'].append(f'{name} {one.to(two)}')
    parts = [f'{kind} in {listed(names)}' for kind, names in groups.items() if names]
    return f'From {start} to {end}, {words.what} {"; it ".join(parts)}.'


def extreme(table: Table, words: Words) -> str:
    """Which layer stands above all others."""
    layers = table.index['layer']
    spans = {int(layer): span(table, layers == layer) for layer in np.unique(layers)}
    top = max(spans, key=lambda layer: np.nan_to_num(spans[layer].mean, nan=-np.inf))
    if all(one.below(spans[top]) for layer, one in spans.items() if layer != top):
        return f'{capital(words.what)} is highest in layer {top} {spans[top].aside}.'
    return f'{capital(words.what)} is not clearly higher in one layer than in all others.'


def end_layers(table: Table) -> tuple[Span, Span]:
    """Of the first layer and of the last."""
    layers = table.index['layer']
    return span(table, layers == layers.min()), span(table, layers == layers.max())


def last_third(table: Table) -> Span:
    """Over the last third of the layers, rounded up."""
    return _late(table, lambda count: -(-count // 3))


def last_three(table: Table) -> Span:
    """Over the last three layers; of four layers or fewer, over all but the first."""
    return _late(table, lambda count: min(3, max(1, count - 1)))


def last_layer(table: Table) -> Span:
    """Of the last layer."""
    return _late(table, lambda count: 1)


def over_models(found: dict[str, Table], rows: Callable[[Table], Span]) -> Spans:
    """A number of each model."""
    return {name: rows(table) for name, table in found.items()}


def of_layers(
    found: dict[str, Table], rows: Callable[[Table], Span], where: str, words: Words, rule: str
) -> Claims:
    """Of a quantity with one number a layer: models beside each other, and its trend.

    Args:
        rows: The number that stands for a model.
        where: What that number is of.
        rule: The same for readers of the rule.
    """
    trend = change('the first layer', 'the last', over_models(found, end_layers), words)
    if len(found) == 1:
        return Claims(
            (trend, extreme(next(iter(found.values())), words)),
            f'The first sentence compares the first layer with the last; the second names a layer '
            f'that lies apart from every other one, if there is one. {APART}',
        )
    return Claims(
        (compare(where, over_models(found, rows), words), trend),
        f'The first sentence compares {rule}. {BESIDE} The second compares the first layer of '
        f'each model with its last. {APART}',
    )


def capital(text: str) -> str:
    """As the beginning of a sentence."""
    return text[:1].upper() + text[1:]


def _late(table: Table, how_many: Callable[[int], int]) -> Span:
    layers = table.index['layer']
    count = len(np.unique(layers))
    return span(table, layers >= np.unique(layers)[count - how_many(count)])
