"""The two sentences of each measure."""

from collections.abc import Callable

import numpy as np

from mim_secrets.analysis.report.claims import (
    APART,
    BESIDE,
    Claims,
    Words,
    capital,
    change,
    compare,
    last_layer,
    last_third,
    last_three,
    of_layers,
    over_models,
)
from mim_secrets.analysis.report.words import Span, listed, span
from mim_secrets.analysis.results import Results
from mim_secrets.analysis.tables import Table

THIRD = 'over the last third of the layers'


def distance(results: Results) -> Claims:
    """Who looks nearer late, and whether one is local in all layers beside another."""
    found = results.tables['distance_layer']
    words = Words('the mean distance', 'looks farther', 'looks nearer')
    claims = of_layers(
        found, last_third, THIRD, words, 'mean distances of the last third of layers'
    )
    relative = results.tables.get('distance_relative_layer', found)
    if len(found) == 1:
        return claims
    rule = (
        'The first sentence compares mean distances over the last third of the layers. '
        f'{BESIDE} The second asks whether a model is local in all layers, beside another: '
        'whether each of its layers looks nearer than the other model does on average over its '
        f'last third, both as shares of the distance of uniform attention. {APART}'
    )
    return Claims((claims.sentences[0], _local_in_all_layers(relative)), rule)


def entropy(results: Results) -> Claims:
    """Whose attention is broader late, and how it goes over the layers."""
    words = Words('the mean entropy', 'spreads attention wider', 'spreads attention less')
    rule = 'mean entropies of the last third of layers'
    return of_layers(results.tables['entropy_layer'], last_third, THIRD, words, rule)


def kl(results: Results) -> Claims:
    """Whose heads differ late, and whether they differ less there than before."""
    found = results.tables['kl_layer']
    words = Words('the mean divergence', 'has more diverse heads', 'has less diverse heads')
    where = 'over the last three layers'
    claims = of_layers(found, last_three, where, words, 'mean divergences of the last three layers')
    halves = over_models(found, lambda table: (_before_last_three(table), last_three(table)))
    inside = change('the earlier layers', 'the last three', halves, words)
    first = claims.sentences[0] if len(found) > 1 else inside
    second = inside if len(found) > 1 else claims.sentences[1]
    asks = (
        'The first sentence compares mean divergences of the last three layers. '
        f'{BESIDE} The second compares'
        if len(found) > 1
        else 'The second sentence names a layer that lies apart from every other one, if there is '
        'one. The first compares'
    )
    rule = (
        f'{asks} the mean of the last three layers with that of the layers before; where there '
        f'are no more than three, all but the first count as last. {APART}'
    )
    return Claims((first, second), rule)


def cka(results: Results) -> Claims:
    """Whose layers are more alike, and whether models are as like as their own layers."""
    tables = _without_unit(results.tables['cka'])
    own = {name: _off_diagonal(tables[name]) for name in results.subjects if name in tables}
    words = Words('the mean likeness of layers', 'has layers more alike', 'has layers less alike')
    pairs = {
        other: span(tables[f'{first} | {other}'])
        for first, other in ((next(iter(own)), name) for name in list(own)[1:])
        if f'{first} | {other}' in tables
    }
    if not pairs:
        (table,) = (tables[name] for name in own)
        near, far = _at_distance(table, 1), _at_distance(table, int(table.index['layer'].max()))
        (name,) = own
        verdict = (
            f'Neighbouring layers of {name} {near.aside} are more alike than its first and its '
            f'last {far.aside}.'
            if far.below(near)
            else f'The first and the last layer of {name} {far.aside} are not clearly less alike '
            f'than neighbours {near.aside}.'
        )
        mean = f'On average two different layers of {name} have a likeness of {own[name]}.'
        rule = (
            'The first sentence is the mean over all pairs of different layers. The second '
            f'compares neighbours with the pair of the first and the last layer. {APART}'
        )
        return Claims((mean, verdict), rule)
    first = next(iter(own))
    closer, unsure = [], []
    for other, between in pairs.items():
        text = f'{other} {between.aside}'
        (closer if between.below(own[first]) else unsure).append(text)
    parts = []
    if closer:
        parts.append(f'are more like each other than like those of {listed(closer)}')
    if unsure:
        parts.append(f'are not clearly more like each other than like those of {listed(unsure)}')
    rule = (
        'The first sentence compares means over all pairs of different layers of a model. '
        f'{BESIDE} The second holds that of the first model against the mean over all pairs of '
        f'one of its layers and one of another model. {APART}'
    )
    return Claims(
        (
            compare('on average over pairs of layers', own, words),
            f'Layers of {first} {own[first].aside} {listed(parts)}.',
        ),
        rule,
    )


def spectrum(results: Results) -> Claims:
    """Whose last layer holds more of the highest frequency, and how that goes."""
    words = Words(
        'the relative amplitude at π',
        'keeps more of the highest frequency',
        'keeps less of the highest frequency',
    )
    return of_layers(
        _without_unit(results.tables['spectrum_layer']), last_layer, 'in the last layer', words,
        'relative log amplitudes at π of the last layer',
    )  # fmt: skip


def rank(results: Results) -> Claims:
    """Whose last layer fills more directions, and how that goes."""
    words = Words('the effective rank', 'fills more directions', 'fills fewer directions')
    return of_layers(
        _without_unit(results.tables['rank']), last_layer, 'in the last layer', words,
        'effective ranks of the last layer',
    )  # fmt: skip


def reconstruction(results: Results) -> Claims:
    """Who errs less in the finest detail, and whether detail is harder."""
    found = _without_unit(results.tables['reconstruction'])
    ends = over_models(
        found, lambda t: tuple(span(t, np.arange(len(t)) == row) for row in (0, len(t) - 1))
    )
    words = Words('the relative error', 'errs more', 'errs less')
    trend = change('the lowest band of frequencies', 'the highest', ends, words)
    highest = {name: last for name, (_, last) in ends.items()}
    if len(found) == 1:
        (only,) = highest.items()
        first = f'In the highest band {only[0]} has a relative error of {only[1]}.'
        rule = 'The first sentence is read off the table. '
    else:
        first = compare('in the highest band', highest, words)
        rule = f'The first sentence compares relative errors in the highest band. {BESIDE} '
    return Claims((first, trend), f'{rule}The second compares the lowest band with it. {APART}')


def fusion(results: Results) -> Claims:
    """Which level weighs most, and whether shallow levels outweigh equal shares."""
    tops, halves = [], []
    for name, table in results.tables['fusion'].items():
        levels, shares = table.index['layer'], table.values.mean
        top = shares.max()
        most = levels[np.isclose(shares, top, atol=1e-6)]
        if len(most) == len(levels):
            tops.append(f'all levels weigh the same in {name}')
        else:
            which = listed([str(level) for level in most])
            tops.append(
                f'level{"s" * (len(most) > 1)} {which} of {name} weigh{"s" * (len(most) == 1)} '
                f'most ({top:.3f}, where equal shares would be {1 / len(levels):.3f})'
            )
        shallow = np.sort(levels)[: len(levels) // 2]
        share = shares[np.isin(levels, shallow)].sum()
        halves.append(f'{share:.3f} in {name} ({len(shallow)} of {len(levels)} levels)')
    return Claims(
        (
            f'{capital(listed(tops))}.',
            f'Of all weight the shallower half of the levels has {listed(halves)}.',
        ),
        'The first sentence names the levels with the largest share; the second adds up the '
        'shares of the shallower half of the levels, without the middle one of an odd number. '
        'Shares are parameters of the model, so they have no interval.',
    )


def curvature(results: Results) -> Claims:
    """Whose loss bends most, and whether it bends down anywhere."""
    found = results.tables['curvature']
    highest = over_models(found, lambda table: span(table, table.index['number'] == 0))
    lowest = over_models(found, lambda table: span(table, table.index['number'] == -1))
    words = Words('the sharpness of the loss', 'has the sharper loss', 'has the flatter loss')
    zero = Span(0, 0, 0, '')
    down = [f'{name} {one.aside}' for name, one in lowest.items() if one.below(zero)]
    rest = [f'{name} {one.aside}' for name, one in lowest.items() if not one.below(zero)]
    parts = []
    if down:
        parts.append(f'below zero in {listed(down)}, where the loss also bends down')
    if rest:
        parts.append(f'not clearly below zero in {listed(rest)}')
    second = f'The lowest eigenvalue is {"; it is ".join(parts)}.'
    if len(found) == 1:
        ((name, own),) = highest.items()
        first = f'The highest eigenvalue of {name} is {own}.'
        rule = 'The first sentence is read off the table. '
    else:
        first = compare('by its highest eigenvalue', highest, words)
        rule = f'The first sentence compares highest eigenvalues. {BESIDE} '
    return Claims((first, second), f'{rule}The second compares lowest ones with zero. {APART}')


CLAIMS: dict[str, Callable[[Results], Claims]] = {
    claim.__name__: claim
    for claim in (distance, entropy, kl, cka, spectrum, rank, reconstruction, fusion, curvature)
}


def _local_in_all_layers(found: dict[str, Table]) -> str:
    late = over_models(found, last_third)
    farthest = {name: _farthest(table) for name, table in found.items()}
    first, *others = found
    beside = [name for name in others if farthest[first][1].below(late[name])]
    reverse = [name for name in others if farthest[name][1].below(late[first])]
    unsure = [name for name in others if name not in beside + reverse]
    parts = []
    for near, far in [(first, beside)] * bool(beside) + [(name, [first]) for name in reverse]:
        layer, top = farthest[near]
        whom = listed([f'{name} {late[name].aside}' for name in far])
        parts.append(
            f'even in layer {layer}, where it looks farthest {top.aside}, {near} looks nearer '
            f'than the last third of {whom}: in all layers it is more local than '
            f'{"that is" if len(far) == 1 else "those are"} at the end'
        )
    if unsure:
        parts.append(
            f'the numbers do not show {first} to be more local in all layers than '
            f'{listed(unsure)} at the end, nor the reverse'
        )
    return f'{capital("; ".join(parts))}.'


def _farthest(table: Table) -> tuple[int, Span]:
    """The layer whose interval reaches highest."""
    row = int(np.nanargmax(table.values.high))
    return int(table.index['layer'][row]), span(table, np.arange(len(table)) == row)


def _before_last_three(table: Table) -> Span:
    layers = table.index['layer']
    count = len(np.unique(layers))
    return span(table, layers < max(1, count - 3))


def _off_diagonal(table: Table) -> Span:
    return span(table, table.index['layer'] != table.index['other'])


def _at_distance(table: Table, steps: int) -> Span:
    return span(table, np.abs(table.index['layer'] - table.index['other']) == steps)


def _without_unit(found: dict[str, Table]) -> dict[str, Table]:
    """Units that are whole phrases stand in the axis and the table only."""
    return {
        name: Table(t.name, '', t.images, t.index, t.values, t.notes) for name, t in found.items()
    }
