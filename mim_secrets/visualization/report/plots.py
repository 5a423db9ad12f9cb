"""The curves and dots of the report."""

import matplotlib
from matplotlib.figure import Figure

from .logs import MEASURES, METHODS, Curve, Experiment
from .svg import (
    INK,
    LEVEL_COLOURS,
    VARIABLES,
    beside,
    finish_curves,
    inline_svg,
    new_axes,
    settings,
)

METHOD_COLOURS = dict(scratch='#030301', mae='#030302', mff='#030303')
METHOD_MARKERS = dict(scratch='D', mae='o', mff='s')
COLOURS = VARIABLES | {colour: f'var(--{name})' for name, colour in METHOD_COLOURS.items()}
WIDTH = 9.2  # inches


def accuracy_plot(experiment: Experiment, chance: float | None) -> str:
    """A row for each measure and method: the mean as a mark, seeds as ticks."""
    rows = [(measure, method) for measure in MEASURES for method in METHODS]
    with matplotlib.rc_context(settings()):
        figure, axes = new_axes(WIDTH, height=3.4)
        ticks = []
        for index, (measure, method) in enumerate(rows):
            y = -(index + 0.9 * (index // len(METHODS)))
            ticks.append((y, METHODS[method]))
            if method == 'scratch':
                axes.text(-0.17, y - 1, measure.title, transform=beside(axes),
                          ha='right', va='center', weight='bold')  # fmt: skip
            summary = experiment.summary(method, measure)
            if summary is None:
                continue
            look = dict(color=METHOD_COLOURS[method], marker=METHOD_MARKERS[method])
            axes.plot(summary.mean, y, markersize=8, **look)
            if summary.spread is not None:
                axes.plot(summary.values, [y] * len(summary.values), '|',
                          color=METHOD_COLOURS[method], markersize=11)  # fmt: skip
            axes.annotate(str(summary), (max(summary.values), y), (9, 0), size=9.5,
                          va='center', textcoords='offset points')  # fmt: skip
        axes.set_yticks(*zip(*ticks))
        axes.set_ylim(ticks[-1][0] - 0.7, 0.7)
        axes.set_xlim(left=0)
        axes.set_xmargin(0.1)
        axes.grid(axis='x')
        axes.set_xlabel('top-1 accuracy in percent')
        if chance is not None:
            axes.axvline(chance, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            axes.text(chance, 0.75, 'chance', ha='center', va='bottom', size=9.5)
        return _svg(figure, 'accuracy', 'Accuracy of each method by each measure')


def loss_plot(curves: dict[str, list[Curve]]) -> str:
    """Loss of each method over steps; several seeds are drawn one by one."""
    with matplotlib.rc_context(settings()):
        figure, axes = new_axes(WIDTH, height=3.3)
        ends = []
        for method, seeds in curves.items():
            for curve in seeds:
                axes.plot(curve.steps, curve.values, color=METHOD_COLOURS[method],
                          linewidth=2 if len(seeds) == 1 else 1.3)  # fmt: skip
            final = sum(curve.values[-1] for curve in seeds) / len(seeds)
            ends.append((final, f'{METHODS[method]}  {final:.3f}', METHOD_COLOURS[method]))
        axes.set_ylabel('loss on masked patches')
        finish_curves(axes, ends)
        return _svg(figure, 'loss', 'Pre-training loss over steps')


def share_plot(levels: dict[int, list[Curve]]) -> str:
    """Weight of each fused level over steps."""
    with matplotlib.rc_context(settings()):
        figure, axes = new_axes(WIDTH, height=3.6)
        ends = []
        axes.axhline(1 / len(levels), color=INK, linewidth=1, linestyle=(0, (4, 3)))
        for index, (level, seeds) in enumerate(levels.items()):
            colour = LEVEL_COLOURS[index % len(LEVEL_COLOURS)]
            for curve in seeds:
                axes.plot(curve.steps, curve.values, color=colour,
                          linewidth=2 if len(seeds) == 1 else 1.3)  # fmt: skip
            final = sum(curve.values[-1] for curve in seeds) / len(seeds)
            ends.append((final, f'block {level}  {final:.3f}', colour))
        axes.set_ylabel('share in the sum')
        finish_curves(axes, ends)
        return _svg(figure, 'fusion', 'Weights of the fused levels over steps')


def _svg(figure: Figure, name: str, label: str) -> str:
    return inline_svg(figure, name, label, variables=COLOURS)
