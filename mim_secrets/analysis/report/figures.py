"""The figures of the measures of attention and of layers, one function for each.

All take what an analysis found and return pictures.
"""

from functools import partial
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from mim_secrets.analysis.report import charts
from mim_secrets.analysis.report.drawing import Panel, Picture
from mim_secrets.analysis.report.looks import Palette
from mim_secrets.analysis.report.words import number, short, span
from mim_secrets.analysis.results import Results
from mim_secrets.analysis.tables import Table

OF_HEADS = 'Small dots: heads. Large marks: means of the layer, with 95 % intervals over images.'
OF_PARTNERS = (
    'Small dots: heads, each with its mean divergence from the others of its layer. Large marks: '
    'means over all pairs of the layer, with 95 % intervals over images.'
)
OTHERS = 'Thin lines: layer means of the other models.'

MOST_PAIRED = 4  # models of which all pairs are drawn


def distance(results: Results) -> list[Picture]:
    """Dots of heads over layers, with the ceiling of each stage."""
    found = _Heads('distance', 'distance', 'distance in pixels', 'Attention distance of each head')
    reading = (
        'Dashed: what attention to all places alike would have. Grid and window set it, hence it '
        'can differ between stages.'
    )
    return [_of_heads(results, found, OF_HEADS, reading, results.tables.get('distance_ceiling'))]


def entropy(results: Results) -> list[Picture]:
    """Dots of heads over layers."""
    found = _Heads('entropy', 'entropy', 'entropy in nats', 'Entropy of each head')
    return [_of_heads(results, found, OF_HEADS, 'High: attention is spread over many tokens.')]


def kl(results: Results) -> list[Picture]:
    """Dots of heads, each the mean over its partners."""
    found = _Heads('kl', 'kl_head', 'KL divergence in nats', 'Divergence of the heads of a layer')
    return [_of_heads(results, found, OF_PARTNERS, 'Low: heads do the same.')]


def cka(results: Results) -> list[Picture]:
    """A heat map for each model, and one for each pair of models."""
    names = list(results.subjects)
    caption = 'Likeness (CKA) of the features of layers: 1 for the same up to a turn and a scale.'
    of_first = len(names) > MOST_PAIRED
    if of_first:
        caption += f' Of the pairs of models only those with {names[0]} are drawn.'
    found = [(models_of(key, results), table) for key, table in results.tables['cka'].items()]
    panels = []
    for models, table in sorted(found, key=lambda one: len(one[0])):  # pairs come last
        if of_first and len(models) == 2 and models[0] != names[0]:
            continue
        labels = ('layer', 'layer')
        rows = table.index['layer'] != table.index['other']
        if len(models) == 2:
            labels, rows = tuple(f'layer of {short(model, 14)}' for model in models), None
        says = f'Mean {span(table, rows)}, lowest {number(np.nanmin(table.values.mean))}.'
        panels.append(Panel(models, partial(_heat_map, table=table, labels=labels), says))
    return [Picture('cka', 'Likeness of layers', caption, panels, size=(3.6, 3.1))]


def spectrum(results: Results) -> list[Picture]:
    """The value at pi of each layer; below, the whole curves."""
    pictures = [
        over_layers(
            results.tables['spectrum_layer'], 'spectrum_layer', 'relative log amplitude at π',
            'Highest frequency of each layer',
            'How much of the highest frequency is left beside the mean of the map, as a '
            'difference of log amplitudes; with 95 % intervals over images. Lower: smoother.',
        )
    ]  # fmt: skip
    if 'spectrum' in results.tables:
        pictures.append(_spectra(results.tables['spectrum']))
    return pictures


def rank(results: Results) -> list[Picture]:
    """The rank of each layer."""
    return [
        over_layers(
            results.tables['rank'], 'rank', 'effective rank', 'Effective rank of each layer',
            'How many directions the features of a layer fill, with 95 % intervals over images.',
            floor=0,
        )
    ]  # fmt: skip


def models_of(key: str, results: Results) -> tuple[str, ...]:
    """The model, or the two models, that a table is of."""
    names = list(results.subjects)
    if key in names:
        return (key,)
    return next((a, b) for a in names for b in names if f'{a} | {b}' == key)


def over_layers(
    found: dict[str, Table], name: str, unit: str, label: str, caption: str,
    floor: float | None = None, dashed: float | None = None,
) -> Picture:  # fmt: skip
    """One number a layer: all models in one set of axes."""

    def draw(axes: Axes, palette: Palette) -> None:
        for shift, (model, table) in zip(charts.side_by_side(len(found), 0.3), found.items()):
            charts.layer_means(axes, table, palette.models[model], shift)
        charts.over_layers(axes, depth(found), unit, charts.limits(*found.values(), floor=floor))
        if dashed is not None:
            axes.axhline(dashed, color=palette.ink, linewidth=1, linestyle=charts.DASHED)

    says = ' '.join(f'{model}: {_from_to(table)}' for model, table in found.items())
    return Picture(name, label, caption, [Panel(tuple(found), draw, says)], size=(5.0, 3.3))


def depth(found: dict[str, Table]) -> int:
    """Layers of the deepest model."""
    return 1 + max(int(table.index['layer'].max()) for table in found.values())


class _Heads(NamedTuple):
    """A measure of heads: its figure's name, the table of dots, axis and title."""

    stem: str
    dots: str
    unit: str
    label: str


def _of_heads(
    results: Results,
    heads: _Heads,
    caption: str,
    reading: str,
    ceilings: dict[str, Table] | None = None,
) -> Picture:
    means, dots = results.tables[f'{heads.stem}_layer'], results.tables[heads.dots]
    count = depth(means)
    tables = [*dots.values(), *means.values(), *(ceilings.values() if ceilings else ())]
    limits = charts.limits(*tables)

    def draw(axes: Axes, palette: Palette, model: str) -> None:
        look = palette.models[model]
        if ceilings:
            charts.ceilings(axes, ceilings[model], palette)
        charts.others(axes, means, model, palette)
        charts.head_dots(axes, dots[model], look)
        charts.layer_means(axes, means[model], look)
        charts.over_layers(axes, count, heads.unit, limits)

    panels = [
        Panel((model,), partial(draw, model=model), _from_to(means[model], dots[model]))
        for model in means
    ]
    parts = [caption, OTHERS, reading] if len(means) > 1 else [caption, reading]
    return Picture(heads.stem, heads.label, ' '.join(parts), panels)


def _spectra(found: dict[str, Table]) -> Picture:
    limits = charts.limits(*found.values(), floor=None)

    def draw(axes: Axes, palette: Palette, model: str) -> None:
        table = found[model]
        layers = np.unique(table.index['layer'])
        for layer in layers:
            rows = table.where(layer=layer)
            share = layer / max(1, layers.max())
            axes.plot(rows.index['frequency'], rows.values.mean, linewidth=0.8 + 0.8 * share,
                      color=palette.models[model].colour, alpha=0.25 + 0.75 * share)  # fmt: skip
        axes.set_ylim(*limits)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 0.5, 1], ['0', 'π/2', 'π'])
        axes.grid(axis='y')
        axes.set_xlabel('frequency')
        axes.set_ylabel('relative log amplitude')

    panels = [
        Panel((model,), partial(draw, model=model), 'Curves of all layers.') for model in found
    ]
    caption = 'A curve for each layer; the later the layer, the darker and thicker.'
    return Picture('spectrum', 'Spectrum of token maps', caption, panels)


def _from_to(means: Table, heads: Table | None = None) -> str:
    layers = means.index['layer']
    first, last = (span(means, layers == layer) for layer in (layers.min(), layers.max()))
    text = f'layer means go from {first} in layer {layers.min()} to {last} in layer {layers.max()}'
    if heads is not None:
        low, high = np.nanmin(heads.values.mean), np.nanmax(heads.values.mean)
        text += f', heads from {number(low)} to {number(high)}'
    return f'{text}.'


def _heat_map(axes: Axes, _: Palette, table: Table, labels: tuple[str, str]) -> None:
    charts.heat_map(axes, table, labels)
