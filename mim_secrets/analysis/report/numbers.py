"""Tables of the page: a row for each place, a column for each model."""

from html import escape

import numpy as np

from mim_secrets.analysis.report.words import Span
from mim_secrets.analysis.tables import Table

# What columns of an index are called; others by their own name.
NAMES = dict(low_frequency='from', high_frequency='to (of π)')


def side_by_side(found: dict[str, Table], title: str) -> str:
    """All models in one table: rows with the same index stand in one row."""
    staged = any(table.index['stage'].any() for table in found.values() if 'stage' in table.index)
    columns = [name for name in next(iter(found.values())).index if name != 'stage' or staged]
    cells: dict[tuple, dict[str, str]] = {}
    for model, table in found.items():
        for row in table.rows():
            place = tuple(row[column] for column in columns)
            numbers = Span(row['mean'], row['low'], row['high'], '')
            cells.setdefault(place, {})[model] = _with_interval(numbers)
    unit = next(iter(found.values())).unit
    inside = f' In {unit}.' if unit in ('px', 'nats') else ''
    caption = f'{title}{inside} In brackets: 95 % intervals.'
    names = [*(NAMES.get(column, column) for column in columns), *found]
    head = ''.join(f'<th scope="col">{escape(name)}</th>' for name in names)
    body = ''
    for place in sorted(cells):
        where = ''.join(f'<th scope="row">{_index(value)}</th>' for value in place)
        values = ''.join(f'<td class="number">{cells[place].get(m, "–")}</td>' for m in found)
        body += f'<tr>{where}{values}</tr>\n'
    return _scrolling(title, caption, head, body)


def square(table: Table, title: str, names: tuple[str, str]) -> str:
    """Layers by layers, means alone."""
    across, up = np.unique(table.index['layer']), np.unique(table.index['other'])
    values = {
        (row['layer'], row['other']): f'{row["mean"]:.3f}'.replace('-', '−') for row in table.rows()
    }
    head = '<th scope="col">layer</th>' + ''.join(f'<th scope="col">{n}</th>' for n in across)
    body = ''.join(
        f'<tr><th scope="row">{other}</th>'
        + ''.join(f'<td>{values.get((layer, other), "–")}</td>' for layer in across)
        + '</tr>\n'
        for other in up.tolist()
    )
    caption = f'{title}; columns: layers of {names[0]}, rows: layers of {names[1]}.'
    return _scrolling(title, caption, head, body)


def _scrolling(title: str, caption: str, head: str, body: str) -> str:
    """Wide tables scroll in a box of their own, which keys can reach."""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(title)}, table">'
        f'<table>\n<caption>{escape(caption)}</caption>\n<thead><tr>{head}</tr></thead>\n'
        f'<tbody>\n{body}</tbody></table></div>\n'
    )


def _with_interval(numbers: Span) -> str:
    value, bracket, interval = str(numbers).partition(' (')
    return f'{value} <small>({interval}</small>' if bracket else value


def _index(value: object) -> str:
    return f'{value:.3g}' if isinstance(value, float) else str(value)
