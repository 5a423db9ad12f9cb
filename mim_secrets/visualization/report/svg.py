"""Pictures as SVG that takes its colours and its font from the page around it.

matplotlib draws with stand-in colours; afterwards each becomes a CSS variable, so that
one picture is right in light and in dark mode.
"""

import io
import re
from html import escape

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

INK, GRID = '#010101', '#020202'
LEVEL_COLOURS = [f'#0404{index:02d}' for index in range(6)]
VARIABLES = {
    INK: 'currentColor',
    GRID: 'var(--grid)',
    **{colour: f'var(--level-{i})' for i, colour in enumerate(LEVEL_COLOURS)},
}


def settings(ink: str = INK, grid: str = GRID) -> dict[str, object]:
    """matplotlib's settings: thin grid, no frame; stand-in colours unless told."""
    return {
        'svg.fonttype': 'none',
        'font.size': 10.5,
        'axes.edgecolor': grid,
        'axes.labelcolor': ink,
        'axes.spines.top': False,
        'axes.spines.right': False,
        'axes.spines.left': False,
        'text.color': ink,
        'xtick.color': grid,
        'ytick.color': grid,
        'xtick.labelcolor': ink,
        'ytick.labelcolor': ink,
        'ytick.major.size': 0,
        'grid.color': grid,
        'grid.linewidth': 0.7,
    }


def new_axes(width: float, height: float) -> tuple[Figure, Axes]:
    """A see-through picture of that many inches; the page scales it to its column."""
    figure = Figure(figsize=(width, height), layout='constrained')
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    axes = figure.subplots()
    axes.patch.set_alpha(0)
    axes.set_axisbelow(True)
    return figure, axes


def beside(axes: Axes):
    """x in widths of the axes, y in data."""
    return axes.get_yaxis_transform()


def finish_curves(axes: Axes, ends: list[tuple[float, str, str]]) -> None:
    """Grid, and each curve (its last value, name and colour) named at its end, names
    kept apart."""
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
        transform = beside(axes)
        axes.plot([1.012, 1.03], [y, y], color=colour, linewidth=3, clip_on=False,
                  transform=transform, solid_capstyle='butt')  # fmt: skip
        axes.text(1.04, y, text, transform=transform, va='center', size=9.5)
    axes.set_ylim(low, high)


def inline_svg(
    figure: Figure,
    name: str,
    label: str,
    description: str = '',
    variables: dict[str, str] = VARIABLES,
) -> str:
    """The picture as an element of the page, which it needs nothing outside of.

    Args:
        figure: From ``new_axes``.
        name: Of the picture, unlike that of any other on the page.
        label: What readers who cannot see it are told that it is.
        description: What they are told that it shows.
        variables: Stand-in colours and what each becomes.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({'svg.hashsalt': name}):
        # savefig would draw it twice
        figure.canvas.print_svg(buffer)
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
    for colour, variable in variables.items():
        svg = svg.replace(colour, variable)
    size = re.search(r'viewBox="[^"]*"', svg)[0]
    content = svg[svg.index('>') + 1 :]
    told = f' aria-description="{escape(description)}"' if description else ''
    return f'<svg {size} role="img" aria-label="{escape(label)}"{told}>{content}'
