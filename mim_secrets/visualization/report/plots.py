"""Curves and dots as SVG that takes its colours and its font from the page around it.

matplotlib draws with stand-in colours; afterwards each becomes a CSS variable, so that
one picture is right in light and in dark mode.
"""

import io
import re

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .logs import MEASURES, METHODS, Curve, Experiment

INK, GRID = '#010101', '#020202'
METHOD_COLOURS = dict(scratch='#030301', mae='#030302', mff='#030303')
METHOD_MARKERS = dict(scratch='D', mae='o', mff='s')
LEVEL_COLOURS = [f'#0404{index:02d}' for index in range(6)]
VARIABLES = {
    INK: 'currentColor',
    GRID: 'var(--grid)',
    **{colour: f'var(--{name})' for name, colour in METHOD_COLOURS.items()},
    **{colour: f'var(--level-{i})' for i, colour in enumerate(LEVEL_COLOURS)},
}
STYLE = {
    'svg.fonttype': 'none',
    'font.size': 10.5,
    'axes.edgecolor': GRID,
    'axes.labelcolor': INK,
    'axes.spines.top': False,
    'axes.spines.right': False,
    'axes.spines.left': False,
    'text.color': INK,
    'xtick.color': GRID,
    'ytick.color': GRID,
    'xtick.labelcolor': INK,
    'ytick.labelcolor': INK,
    'ytick.major.size': 0,
    'grid.color': GRID,
    'grid.linewidth': 0.7,
}
WIDTH = 9.2  # inches; the page scales it to its column


def accuracy_plot(experiment: Experiment, chance: float | None) -> str:
    """A row for each measure and method: the mean as a mark, seeds as ticks."""
    rows = [(measure, method) for measure in MEASURES for method in METHODS]
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(height=3.4)
        ticks = []
        for index, (measure, method) in enumerate(rows):
            y = -(index + 0.9 * (index // len(METHODS)))
            ticks.append((y, METHODS[method]))
            if method == 'scratch':
                axes.text(-0.17, y - 1, measure.title, transform=_beside(axes),
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
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(height=3.3)
        ends = []
        for method, seeds in curves.items():
            for curve in seeds:
                axes.plot(curve.steps, curve.values, color=METHOD_COLOURS[method],
                          linewidth=2 if len(seeds) == 1 else 1.3)  # fmt: skip
            final = sum(curve.values[-1] for curve in seeds) / len(seeds)
            ends.append((final, f'{METHODS[method]}  {final:.3f}', METHOD_COLOURS[method]))
        axes.set_ylabel('loss on masked patches')
        _finish_curves(axes, ends)
        return _svg(figure, 'loss', 'Pre-training loss over steps')


def share_plot(levels: dict[int, list[Curve]]) -> str:
    """Weight of each fused level over steps."""
    with matplotlib.rc_context(STYLE):
        figure, axes = _axes(height=3.6)
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
        _finish_curves(axes, ends)
        return _svg(figure, 'fusion', 'Weights of the fused levels over steps')


def _axes(height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, height), layout='constrained')
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.set_axisbelow(True)
    return figure, axes


def _beside(axes: Axes):
    """x in widths of the axes, y in data."""
    return axes.get_yaxis_transform()


def _finish_curves(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Grid, and each curve named at its end, names kept apart."""
    axes.set_xlabel('training step')
    axes.set_xmargin(0.01)
    axes.grid(axis='y')
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    low, high = axes.get_ylim()
    room = (high - low) * 0.075
    ends = sorted(ends)
    heights = [value for value, _, _ in ends]
    for _ in range(100):  # push neighbours apart until none touch
        for i in range(len(heights) - 1):
            overlap = room - (heights[i + 1] - heights[i])
            if overlap > 0:
                heights[i] -= overlap / 2
                heights[i + 1] += overlap / 2
    for (_, text, colour), y in zip(ends, heights):
        transform = _beside(axes)
        axes.plot([1.012, 1.03], [y, y], color=colour, linewidth=3, clip_on=False,
                  transform=transform, solid_capstyle='butt')  # fmt: skip
        axes.text(1.04, y, text, transform=transform, va='center', size=9.5)
    axes.set_ylim(low, high)


def _svg(figure: Figure, name: str, label: str) -> str:
    """The picture as an element of the page, which it needs nothing outside of."""
    buffer = io.StringIO()
    with matplotlib.rc_context({'svg.hashsalt': name}):
        figure.savefig(buffer, format='svg', transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index('<svg') :]
    svg = re.sub(r'<metadata>.*?</metadata>', '', svg, flags=re.DOTALL)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', '', svg).replace('xlink:href', 'href')
    svg = re.sub(r" font-family: [^;\"]*;?|(?<=px) '?DejaVu[^;\"]*", '', svg)
    # Names are this picture's own, and only those that are referred to stay.
    used = set(re.findall(r'(?:href="|url\()#([\w-]+)', svg))
    svg = re.sub(
        r' id="([^"]+)"',
        lambda found: f' id="{name}-{found[1]}"' if found[1] in used else '',
        svg,
    )
    svg = re.sub(r'(href="|url\()#', rf'\g<1>#{name}-', svg)
    for colour, variable in VARIABLES.items():
        svg = svg.replace(colour, variable)
    size = re.search(r'viewBox="[^"]*"', svg)[0]
    content = svg[svg.index('>') + 1 :]
    return f'<svg {size} role="img" aria-label="{label}">{content}'
