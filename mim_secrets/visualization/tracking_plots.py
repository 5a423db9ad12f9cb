"""Success and precision plots of trackers, and tables of what they reach by attribute."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from rich.table import Table

from mim_secrets.evaluation.tracking_curves import OVERLAPS, PIXELS, SHARES

from .report.svg import settings

# Okabe and Ito's colours, which colour-blind readers tell apart; then the same, dashed.
COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
DASHES = ('-', (0, (5, 2)), (0, (1, 1.5)), (0, (5, 2, 1, 2)))
STYLE = {**settings(ink='#24292e', grid='#d9dde0'), 'svg.hashsalt': 'tracking'}

# thresholds and what they are called
AXES = {
    'success': (OVERLAPS, 'overlap threshold', 'success rate in percent'),
    'precision': (PIXELS, 'distance of centres, pixels', 'precision in percent'),
    'norm_precision': (SHARES, 'distance of centres, box sizes', 'normalised precision in percent'),
}


def curve_plot(
    kind: str, curves: dict[str, np.ndarray], scores: dict[str, float], title: str
) -> Figure:
    """A line for each tracker, the best one first in the legend.

    Args:
        kind: ``success``, ``precision`` or ``norm_precision``.
        curves: Shares of frames in 0..1 at the thresholds of that kind, by tracker.
        scores: What the legend says of each, in percent.
        title: Above the plot.
    """
    thresholds, across, up = AXES[kind]
    with matplotlib.rc_context(STYLE):
        # white, also on a dark page
        figure = Figure(figsize=(8, 4.2), layout='constrained', facecolor='white')
        FigureCanvasAgg(figure)
        axes = figure.subplots()
        axes.set_axisbelow(True)
        places = {name: index for index, name in enumerate(curves)}
        for name in sorted(curves, key=lambda name: -scores[name]):
            axes.plot(
                thresholds,
                100 * np.asarray(curves[name]),
                color=COLOURS[places[name] % len(COLOURS)],
                linestyle=DASHES[places[name] // len(COLOURS) % len(DASHES)],
                linewidth=2,
                label=f'{scores[name]:.1f}  {name}',
            )
        axes.set_title(title, loc='left', size=11)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.set_xlim(thresholds[0], thresholds[-1])
        axes.set_ylim(0, 100)
        axes.grid()
        axes.legend(
            frameon=False,
            fontsize=9.5,
            handlelength=2.4,
            loc='upper left',
            bbox_to_anchor=(1.01, 1),
            borderaxespad=0,
        )
    return figure


def save_figure(figure: Figure, stem: Path) -> list[Path]:
    """``stem.svg`` and ``stem.png``, the same bytes for the same numbers."""
    paths = [stem.with_name(f'{stem.name}.{kind}') for kind in ('svg', 'png')]
    stem.parent.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        figure.savefig(paths[0], metadata={'Date': None})
        figure.savefig(paths[1], dpi=200, metadata={'Software': None})
    return paths


def attribute_rows(
    counts: dict[str, int], scores: dict[str, dict[str, float]]
) -> list[list[str | int | float]]:
    """An attribute, its number of sequences, and the score of each tracker.

    Args:
        counts: Sequences by attribute.
        scores: By tracker, then by attribute.
    """
    return [
        [attribute, count, *(values[attribute] for values in scores.values())]
        for attribute, count in counts.items()
    ]


def console_table(header: Sequence[str], rows: Sequence[Sequence[str | int | float]]) -> Table:
    """A table for a terminal; numbers with one digit, as papers print percent.

    Names are broken at their underscores: a narrow terminal would cut them otherwise.
    """
    table = Table(header[0])
    for name in header[1:]:
        table.add_column(name.replace('_', ' '), justify='right')
    for row in rows:
        table.add_row(*(f'{cell:.1f}' if isinstance(cell, float) else str(cell) for cell in row))
    return table
