"""Small pictures with labels as one sheet, black on white: it reads on any page."""

import textwrap
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

PAPER, INK, DPI = 'white', '#1c1c1c', 64
# In pixels; LABELS is the width of what stands on the left.
LABELS, GUTTER, MARGIN, BAR = 76, 8, 16, (160, 14)
TEXT, TITLE, LINE = 15, 20, 21


class Panel(NamedTuple):
    """A picture (h, w, 3) of uint8 and what is written beneath."""

    picture: np.ndarray
    caption: str


def draw_sheet(
    title: str,
    columns: list[str],
    labels: list[str],
    panels: list[list[Panel | None]],
    legend: str,
    colours: str,
    together: int,
) -> np.ndarray:
    """Panels of one size in rows and columns.

    Args:
        columns: A heading for each.
        labels: One for each row.
        panels: Row by row; ``None`` leaves a gap.
        legend: What colours mean.
        colours: matplotlib's name for them.
        together: So many rows belong together; a space sets them off.

    Returns:
        uint8 RGB (height, width, 3).
    """
    height, width = panels[0][0].picture.shape[:2]
    lefts = [MARGIN + LABELS + number * (width + GUTTER) for number in range(len(columns))]
    right = lefts[-1] + width
    title = textwrap.wrap(title, int((right - MARGIN) / (0.62 * TITLE)))
    legend = textwrap.wrap(legend, int((right - MARGIN) / (0.58 * TEXT)))
    first = MARGIN + len(title) * round(LINE * TITLE / TEXT) + GUTTER + LINE
    tops = [
        first + row * (height + LINE + GUTTER) + row // together * LINE
        for row in range(len(panels))
    ]
    bar_top = tops[-1] + height + 2 * LINE
    bottom = bar_top + (1 + len(legend)) * LINE + MARGIN

    # a power of two, so that sizes in inches are exact
    figure = Figure(((right + MARGIN) / DPI, bottom / DPI), dpi=DPI, facecolor=PAPER)
    canvas = FigureCanvasAgg(figure)

    def write(x: float, y: float, text: str, align: str = 'left', size: int = TEXT) -> None:
        # letters are measured in points, 72 to the inch
        figure.text(x / (right + MARGIN), 1 - y / bottom, text, size=size * 72 / DPI, color=INK,
                    ha=align, va='top', linespacing=1.3, parse_math=False)  # fmt: skip

    write(MARGIN, MARGIN, '\n'.join(title), size=TITLE)
    for left, column in zip(lefts, columns):
        write(left + width / 2, first - LINE, column, 'center')
    for top, label, row in zip(tops, labels, panels):
        write(MARGIN, top, label)
        for left, panel in zip(lefts, row):
            write(left + width / 2, top + height + 3, panel.caption if panel else '', 'center')
    write(MARGIN, bar_top - 2, '0')
    write(MARGIN + LINE + BAR[0] + GUTTER, bar_top - 2, 'highest of a row')
    write(MARGIN, bar_top + LINE, '\n'.join(legend))
    canvas.draw()

    sheet = np.asarray(canvas.buffer_rgba())[..., :3].copy()
    for top, row in zip(tops, panels):
        for left, panel in zip(lefts, row):
            if panel is not None:
                sheet[top : top + height, left : left + width] = panel.picture
    ramp = matplotlib.colormaps[colours](np.linspace(0, 1, BAR[0]))[:, :3] * 255
    sheet[bar_top : bar_top + BAR[1], MARGIN + LINE :][:, : BAR[0]] = ramp.round()
    return sheet
