"""What figures are drawn with: dots, means with intervals, curves, heat maps."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, MultipleLocator

from mim_secrets.analysis.report.looks import Look, Palette
from mim_secrets.analysis.tables import Table

DASHED = (0, (4, 3))
COLOURS = 'viridis'


def stages(table: Table) -> list[Table]:
    """The rows of each stage by themselves; lines do not cross from one to the next."""
    if 'stage' not in table.index:
        return [table]
    return [table.where(stage=stage) for stage in np.unique(table.index['stage'])]


def layer_means(axes: Axes, table: Table, look: Look, shift: float = 0, by: str = 'layer') -> None:
    """A mark with its interval for each layer, joined by a line within a stage."""
    for part in stages(table):
        x, (mean, low, high) = part.index[by] + shift, part.values
        axes.plot(x, mean, color=look.colour, linewidth=1.3)
        marks(axes, x, mean, low, high, look)


def marks(
    axes: Axes, x: np.ndarray, mean: np.ndarray, low: np.ndarray, high: np.ndarray, look: Look
) -> None:
    """Marks with intervals as bars."""
    around = np.stack([mean - low, high - mean]).clip(0)
    axes.errorbar(
        x, mean, np.nan_to_num(around), color=look.colour, marker=look.marker, markersize=6,
        linestyle='none', elinewidth=1.3, capsize=2.5, capthick=1.3, zorder=4,
    )  # fmt: skip


def others(axes: Axes, tables: dict[str, Table], but: str, palette: Palette) -> None:
    """The layer means of other models, thin, to compare with."""
    for name, table in tables.items():
        if name != but:
            for part in stages(table):
                axes.plot(part.index['layer'], part.values.mean, color=palette.ink,
                          linewidth=0.9, alpha=0.3, zorder=1)  # fmt: skip


def head_dots(axes: Axes, table: Table, look: Look) -> None:
    """A dot for each head over its layer."""
    axes.plot(
        table.index['layer'], table.values.mean, 'o', color=look.colour, markersize=3.6,
        alpha=0.4, markeredgewidth=0, zorder=2,
    )  # fmt: skip


def ceilings(axes: Axes, table: Table, palette: Palette) -> None:
    """A dashed line over the layers of each stage."""
    for part in stages(table):
        layers = part.index['layer']
        axes.plot(
            [layers.min() - 0.4, layers.max() + 0.4], [part.values.mean.max()] * 2,
            color=palette.ink, linewidth=1, linestyle=DASHED, alpha=0.8, zorder=1,
        )  # fmt: skip


def heat_map(axes: Axes, rows: Table, labels: tuple[str, str]) -> None:
    """Values from 0 to 1 of layers (up) by layers (across), with the scale beside."""
    across, up = rows.index['layer'], rows.index['other']
    square = np.full((up.max() + 1, across.max() + 1), np.nan)
    square[up, across] = rows.values.mean
    drawn = axes.pcolormesh(
        square, vmin=0, vmax=1, cmap=COLOURS, edgecolors='face', linewidth=0.3
    )  # fmt: skip
    axes.set_aspect('equal')
    for axis, size in ((axes.xaxis, square.shape[1]), (axes.yaxis, square.shape[0])):
        step = max(1, -(-size // 8))
        axis.set_ticks(np.arange(0, size, step) + 0.5, np.arange(0, size, step).astype(str))
        axis.set_tick_params(length=0)
    axes.spines['bottom'].set_visible(False)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    bar = axes.figure.colorbar(drawn, ax=axes, ticks=[0, 0.5, 1], shrink=0.8, aspect=18)
    bar.outline.set_visible(False)
    bar.ax.tick_params(length=0)
    bar.solids.set(rasterized=False, edgecolor='face')


def over_layers(axes: Axes, count: int, unit: str, limits: tuple[float, float]) -> None:
    """Axes from the first layer to the last, with the same heights in all panels."""
    axes.set_xlim(-0.6, count - 0.4)
    axes.set_ylim(*limits)
    axes.xaxis.set_major_locator(MultipleLocator(1 if count <= 8 else 2 if count <= 16 else 4))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.grid(axis='y')
    axes.set_xlabel('layer')
    axes.set_ylabel(unit)


def limits(*tables: Table, floor: float | None = 0) -> tuple[float, float]:
    """From ``floor``, or the lowest number, to a little above the highest of all."""
    values = np.concatenate([np.concatenate(table.values) for table in tables])
    values = values[np.isfinite(values)]
    if not values.size:
        return 0, 1
    top, bottom = values.max(), values.min() if floor is None else min(floor, values.min())
    room = 0.06 * (top - bottom) or 1
    return (bottom - room if bottom != floor else bottom), top + room


def side_by_side(count: int, room: float = 0.5) -> np.ndarray:
    """(count,) shifts that keep marks of one place apart."""
    return (np.arange(count) - (count - 1) / 2) * room / max(count, 2)
