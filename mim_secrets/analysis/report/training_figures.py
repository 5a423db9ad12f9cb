"""The figures of what a model was trained to do: rebuild, fuse, and how its loss bends."""

from functools import partial

import numpy as np
from matplotlib.axes import Axes

from mim_secrets.analysis.report import charts
from mim_secrets.analysis.report.drawing import Panel, Picture
from mim_secrets.analysis.report.figures import over_layers
from mim_secrets.analysis.report.looks import Palette
from mim_secrets.analysis.report.words import number, span
from mim_secrets.analysis.results import Results
from mim_secrets.analysis.tables import Table
from mim_secrets.visualization.report.svg import finish_curves


def reconstruction(results: Results) -> list[Picture]:
    """The relative error in each band of frequencies."""
    found = results.tables['reconstruction']

    def draw(axes: Axes, palette: Palette) -> None:
        shifts = charts.side_by_side(len(found), 0.06)
        for shift, (model, table) in zip(shifts, found.items()):
            low, high = table.index['low_frequency'], table.index['high_frequency']
            look, centre = palette.models[model], (low + high) / 2
            axes.hlines(table.values.mean, low, high, color=look.colour, linewidth=1.3, alpha=0.6)
            charts.marks(axes, centre + shift, *table.values, look)
        edges = np.unique(np.concatenate([t.index['high_frequency'] for t in found.values()]))
        axes.set_xlim(0, edges.max())
        axes.set_ylim(*charts.limits(*found.values()))
        axes.set_xticks([0, 0.5, 1], ['0', 'π/2', 'π'])
        axes.grid(axis='y')
        axes.set_xlabel('frequency')
        axes.set_ylabel('error beside the target')

    says = ' '.join(
        f'{model}: from {number(table.values.mean[0])} in the lowest band to '
        f'{number(table.values.mean[-1])} in the highest.'
        for model, table in found.items()
    )
    caption = (
        'Error of the masked patches in a band of frequencies, as a share of what the whole true '
        'picture has there, with 95 % intervals over images. A line spans its band.'
    )
    panel = Panel(tuple(found), draw, says)
    return [Picture('reconstruction', 'Error by frequency', caption, [panel], size=(5.0, 3.3))]


def fusion(results: Results) -> list[Picture]:
    """The share of each level, and how it came to be."""
    found = results.tables['fusion']
    counts = {len(table) for table in found.values()}
    equal = 1 / counts.pop() if len(counts) == 1 else None
    pictures = [
        over_layers(
            found, 'fusion', 'share in the sum', 'Shares of fused levels',
            'Weights of the levels that are fused. Levels are counted from 0: the blocks of a ViT, '
            f'the stages of a Swin.{" Dashed: equal shares." * (equal is not None)}',
            floor=0, dashed=equal,
        )
    ]  # fmt: skip
    if 'fusion_history' in results.tables:
        pictures.append(_history(results.tables['fusion_history']))
    return pictures


def curvature(results: Results) -> list[Picture]:
    """The eigenvalues, and the density of all of them."""
    pictures = [_eigenvalues(results.tables['curvature'])]
    if 'curvature_density' in results.tables:
        pictures.append(_density(results.tables['curvature_density']))
    return pictures


def _history(found: dict[str, Table]) -> Picture:
    limits = charts.limits(*found.values(), floor=None)

    def draw(axes: Axes, palette: Palette, model: str) -> None:
        table = found[model]
        levels = np.unique(table.index['layer'])
        axes.axhline(1 / len(levels), color=palette.ink, linewidth=1, linestyle=charts.DASHED)
        ends = []
        for index, level in enumerate(levels):
            rows = table.where(layer=level)
            colour = palette.levels[index % len(palette.levels)]
            style = '-' if index < len(palette.levels) else '--'
            axes.plot(
                rows.index['step'], rows.values.mean, color=colour, linewidth=1.6, linestyle=style
            )
            ends.append((rows.values.mean[-1], f'{level}: {rows.values.mean[-1]:.3f}', colour))
        axes.set_ylim(*limits)
        axes.set_ylabel('share in the sum')
        finish_curves(axes, ends)

    panels = [
        Panel((model,), partial(draw, model=model), 'A curve for each level.') for model in found
    ]
    caption = 'Shares over training; at the end of a curve its level and last share. Dashed: equal.'
    return Picture('fusion_history', 'Shares over training', caption, panels, size=(4.4, 3.3))


def _eigenvalues(found: dict[str, Table]) -> Picture:
    end = 1 + max(int(table.index['number'].max()) for table in found.values())

    def draw(axes: Axes, palette: Palette) -> None:
        shifts = charts.side_by_side(len(found), 0.4)
        for shift, (model, table) in zip(shifts, found.items()):
            numbers = table.index['number']
            x = np.where(numbers < 0, end, numbers) + shift
            charts.marks(axes, x, *table.values, palette.models[model])
        names = [('1st', '2nd', '3rd')[n] if n < 3 else f'{n + 1}th' for n in range(end)]
        axes.set_xticks(range(end + 1), [*names, 'lowest'])
        axes.set_xlim(-0.6, end + 0.6)
        axes.set_ylim(*charts.limits(*found.values()))
        axes.axhline(0, color=palette.ink, linewidth=1, alpha=0.5)
        axes.grid(axis='y')
        axes.set_ylabel('eigenvalue')

    says = ' '.join(
        f'{model}: highest {span(table, table.index["number"] == 0)}.'
        for model, table in found.items()
    )
    caption = 'Eigenvalues of the Hessian of the loss, with 95 % intervals over images.'
    panel = Panel(tuple(found), draw, says)
    return Picture('curvature', 'Highest eigenvalues', caption, [panel], size=(5.0, 3.3))


def _density(found: dict[str, Table]) -> Picture:
    top = max(np.nanmax(table.values.mean) for table in found.values())
    bottom = top * 1e-6

    def draw(axes: Axes, palette: Palette) -> None:
        for index, (model, table) in enumerate(found.items()):
            style = ('-', '--', ':', '-.')[index % 4]
            colour, (mean, low, high) = palette.models[model].colour, table.values
            x = table.index['eigenvalue']
            axes.plot(x, mean, style, color=colour, linewidth=1.6)
            axes.fill_between(x, low.clip(bottom), high, color=colour, alpha=0.18, linewidth=0)
        axes.set_yscale('log')
        axes.set_ylim(bottom, top * 3)
        axes.minorticks_off()
        axes.yaxis.set_major_formatter(lambda value, _: f'{value:g}')
        axes.grid(axis='y')
        axes.set_xlabel('eigenvalue')
        axes.set_ylabel('density')

    caption = (
        'Density of all eigenvalues, on a logarithmic scale; bands are 95 % intervals over random '
        'start vectors.'
    )
    panel = Panel(tuple(found), draw, 'Curves of density over eigenvalue.')
    return Picture('curvature_density', 'Density of eigenvalues', caption, [panel], size=(5.0, 3.3))
