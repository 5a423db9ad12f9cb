"""A figure: panels side by side, drawn for the page and into files."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from mim_secrets.analysis.report.looks import (
    PAGE_VARIABLES,
    Palette,
    file_palette,
    marker_key,
    page_palette,
)
from mim_secrets.analysis.report.words import short
from mim_secrets.visualization.report.svg import inline_svg, new_axes, settings

DPI = 200
LETTERS_PER_INCH = 10
ABREAST = 3  # panels in a row of a file
ALONE = 5.0  # inches across for a panel by itself, lest its letters are huge
NARROW = 0.8  # of a panel's size where three stand abreast, so that letters stay large


@dataclass(frozen=True)
class Panel:
    """One set of axes.

    Attributes:
        models: Whose numbers it shows; their marks and names stand above it.
        draw: Draws it.
        says: What it shows, for readers who cannot see it.
    """

    models: tuple[str, ...]
    draw: Callable[[Axes, Palette], None]
    says: str


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes:
        name: Of its files.
        label: What it is.
        caption: How to read it.
        panels: One for each model, for each pair, or one for all.
        size: Of a panel, in inches.
    """

    name: str
    label: str
    caption: str
    panels: list[Panel]
    size: tuple[float, float] = (4.1, 3.1)


def as_html(picture: Picture, names: list[str]) -> str:
    """The figure as an element of the page: a grid of pictures that wraps."""
    palette = page_palette(names)
    count = len(picture.panels)
    narrow = count == 3 or count > 4
    scale = NARROW if narrow else max(1, ALONE / picture.size[0]) if count == 1 else 1
    size = [side * scale for side in picture.size]
    parts = []
    for index, panel in enumerate(picture.panels):
        with matplotlib.rc_context(settings()):
            figure, axes = new_axes(*size)
            panel.draw(axes, palette)
            label = f'{picture.label}: {listed_models(panel)}'
            svg = inline_svg(figure, f'{picture.name}-{index}', label, panel.says, PAGE_VARIABLES)
        keys = ''.join(
            f'<span>{marker_key(names.index(name))}{escape(name)}</span> ' for name in panel.models
        )
        parts.append(f'<div class="panel"><div class="keys">{keys}</div>{svg}</div>\n')
    width = 'narrow' if narrow else 'wide'
    return (
        f'<figure id="figure-{picture.name}">\n<div class="panels {width}">\n{"".join(parts)}'
        f'</div>\n<figcaption>{escape(picture.caption)}</figcaption>\n'
        '</figure>\n'
    )


def save(picture: Picture, names: list[str], folder: Path) -> tuple[Path, Path]:
    """The figure as ``NAME.png`` and ``NAME.svg`` in ``folder``, dark on white."""
    palette = file_palette(names)
    count = len(picture.panels)
    columns = 2 if count == 4 else min(count, ABREAST)  # rather two by two than three and one
    rows = -(-count // columns)
    width, height = picture.size
    with matplotlib.rc_context(
        settings(palette.ink, palette.grid) | {'svg.hashsalt': picture.name, 'font.family': 'sans'}
    ):
        figure = Figure(
            figsize=(width * columns, (height + 0.35) * rows), layout='constrained', facecolor='w'
        )
        grid = figure.subplots(rows, columns, squeeze=False).flatten()
        for axes, panel in zip(grid, picture.panels):
            axes.set_axisbelow(True)
            panel.draw(axes, palette)
            _name_models(axes, panel, palette, width, alone=count == 1)
        for axes in grid[count:]:
            axes.set_axis_off()
        figure.get_layout_engine().set(h_pad=0.16 if count > 1 else 0.04)
        figure.draw_without_rendering()
        figure.set_layout_engine('none')  # it takes long, and once is enough
        png, svg = (folder / f'{picture.name}.{kind}' for kind in ('png', 'svg'))
        FigureCanvasSVG(figure).print_svg(svg, metadata={'Date': None})
        figure.dpi = DPI
        FigureCanvasAgg(figure).print_png(png)
    return png, svg


def listed_models(panel: Panel) -> str:
    return ' and '.join(panel.models)


def _name_models(axes: Axes, panel: Panel, palette: Palette, width: float, alone: bool) -> None:
    """Marks and names above axes that have ``width`` inches."""
    letters = int(width * LETTERS_PER_INCH)
    shown = [short(name, letters // min(len(panel.models), 2) - 4) for name in panel.models]
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle='none', markersize=7,
               label=text.replace('$', r'\$'))
        for text, look in ((text, palette.models[name]) for text, name in zip(shown, panel.models))
    ]  # fmt: skip
    longest = max(map(len, shown)) + 4
    legend = axes.legend(
        handles=handles, loc='lower left', bbox_to_anchor=(0, 1), frameon=False,
        ncols=max(1, min(len(handles), letters // longest)),
        handletextpad=0.2, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip
    # beside others, a long name must not push its axes together
    legend.set_in_layout(alone)
