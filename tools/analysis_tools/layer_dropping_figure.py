"""Accuracy over the number of blocks left out, beside how much the heads differ."""

import csv
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import NamedTuple

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's colours, which colour-blind readers tell apart; marks differ as well.
LOOKS = (
    ('#0072b2', 'o'),
    ('#d55e00', 's'),
    ('#009e73', 'D'),
    ('#cc79a7', '^'),
    ('#e69f00', 'v'),
    ('#56b4e9', 'P'),
)
INK, SOFT, GRID, WASH = '#24292e', '#57606a', '#d9dde0', '#eef0f2'
STYLE = {
    'svg.fonttype': 'none',
    'svg.hashsalt': 'layer_dropping',
    'font.size': 10.5,
    'axes.edgecolor': GRID,
    'axes.labelcolor': INK,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.axisbelow': True,
    'axes.titlelocation': 'left',
    'axes.titlesize': 11,
    'text.color': INK,
    'xtick.color': GRID,
    'ytick.color': GRID,
    'xtick.labelcolor': INK,
    'ytick.labelcolor': INK,
    'grid.color': GRID,
    'grid.linewidth': 0.7,
}
COLUMNS = ('model', 'layer', 'mean', 'low', 'high')


class Accuracy(NamedTuple):
    """A finished run: a row of ``layer_dropping.csv``."""

    weights: str
    drop: int
    seed: int
    accuracy: float


class Layer(NamedTuple):
    """The mean divergence between the heads of a layer, with its interval."""

    number: int
    mean: float
    low: float
    high: float


def read_divergence(path: Path, names: Sequence[str]) -> dict[str, list[Layer]]:
    """The layers of each of ``names`` that a table of ``tools/analyze.py`` knows."""
    if not path.is_file():
        raise FileNotFoundError(
            f'There is no table {path}; tools/analyze.py writes it as tables/kl_layer.csv.'
        )
    with path.open(newline='', encoding='utf-8') as file:
        reader = csv.DictReader(file)
        missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
        if missing:
            raise ValueError(
                f'{path} has no column {missing[0]}; give the kl_layer.csv of tools/analyze.py.'
            )
        rows = list(reader)
    layers: dict[str, list[Layer]] = {}
    for number, row in enumerate(rows, start=2):
        try:
            layer = Layer(int(row['layer']), *(float(row[name]) for name in COLUMNS[2:]))
        except (TypeError, ValueError):
            raise ValueError(
                f'{path}: line {number} has something other than numbers; give the '
                'kl_layer.csv of tools/analyze.py.'
            ) from None
        layers.setdefault(row['model'], []).append(layer)
    found = {name: sorted(layers[name]) for name in names if name in layers}
    if not found:
        raise ValueError(
            f'{path} has rows of {", ".join(layers) or "no model"}, not of {", ".join(names)}; '
            'give --weights the names that the models have there.'
        )
    return found


def draw(rows: Sequence[Accuracy], divergence: dict[str, list[Layer]]) -> Figure:
    """One panel, or two where there is a divergence; white, also on a dark page."""
    names = list(dict.fromkeys(row.weights for row in rows))
    names += [name for name in divergence if name not in names]
    looks = {name: LOOKS[index % len(LOOKS)] for index, name in enumerate(names)}
    with matplotlib.rc_context(STYLE):
        panels = 2 if divergence else 1
        figure = Figure(figsize=(5.2 * panels, 3.8), layout='constrained', facecolor='white')
        FigureCanvasAgg(figure)
        figure.get_layout_engine().set(wspace=0.06)
        left, *right = figure.subplots(1, panels, squeeze=False)[0]
        _accuracy(left, rows, looks)
        for axes in right:
            _divergence(axes, divergence, looks, max(row.drop for row in rows))
        left.legend(frameon=False)
    return figure


def save(figure: Figure, stem: Path) -> list[Path]:
    """``stem.png`` and ``stem.svg``, the same bytes for the same numbers."""
    paths = [stem.with_suffix('.png'), stem.with_suffix('.svg')]
    with matplotlib.rc_context(STYLE):
        figure.savefig(paths[0], dpi=200, metadata={'Software': None})
        figure.savefig(paths[1], metadata={'Date': None})
    return paths


def _accuracy(axes: Axes, rows: Sequence[Accuracy], looks: dict[str, tuple[str, str]]) -> None:
    for name, (colour, marker) in looks.items():
        seeds: dict[int, list[float]] = {}
        for row in sorted(rows):
            if row.weights == name:
                seeds.setdefault(row.drop, []).append(row.accuracy)
        if not seeds:
            continue
        axes.plot(list(seeds), [mean(values) for values in seeds.values()], color=colour,
                  marker=marker, markersize=6, linewidth=1.8, label=name)  # fmt: skip
        for drop, values in seeds.items():
            if len(values) > 1:
                axes.plot([drop] * len(values), values, '_', color=colour, markersize=11)
    axes.set_title('Accuracy without the last blocks', pad=16)
    axes.set_xlabel('blocks left out, N')
    axes.set_ylabel('top-1 accuracy in percent')
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis='y')


def _divergence(
    axes: Axes, divergence: dict[str, list[Layer]], looks: dict[str, tuple[str, str]], most: int
) -> None:
    for name, layers in divergence.items():
        colour, marker = looks[name]
        numbers, means, lows, highs = zip(*layers)
        axes.plot(numbers, means, color=colour, marker=marker, markersize=6, linewidth=1.8)
        axes.fill_between(numbers, lows, highs, color=colour, alpha=0.2, linewidth=0)
    lasts = {layers[-1].number for layers in divergence.values()}
    if len(lasts) == 1 and most:
        last = lasts.pop() + 0.5
        axes.axvspan(last - most, last, color=WASH, linewidth=0, zorder=0)
        axes.text(last - most / 2, 1, f'left out, up to N = {most}', color=SOFT, size=9,
                  ha='center', va='bottom', transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_title('How differently the heads look', pad=16)
    axes.set_xlabel('layer')
    axes.set_ylabel('KL divergence between heads, nats')
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis='y')
