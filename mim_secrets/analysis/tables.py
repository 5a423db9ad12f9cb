"""Results as columns of arrays."""

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mim_secrets.analysis.statistics import Estimate

NUMBERS = ('mean', 'low', 'high')


@dataclass(frozen=True)
class Table:
    """One quantity of one model, or of a pair of models.

    Attributes:
        name: What it is called in file names, such as ``kl_layer``.
        unit: Of the numbers: px, nats, ...
        images: How many images it was measured on.
        index: Columns that say what a row is about, such as ``layer`` and ``head``.
        values: Means and intervals, a number for each row.
        notes: What else a reader has to know; a sentence each.
    """

    name: str
    unit: str
    images: int
    index: dict[str, np.ndarray]
    values: Estimate
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.values.mean)

    def rows(self) -> Iterator[dict[str, object]]:
        """A dict for each row, with the columns of the index and of the numbers."""
        columns = {**self.index, **dict(zip(NUMBERS, self.values))}
        for row in zip(*columns.values()):
            yield {name: _plain(value) for name, value in zip(columns, row)}

    def where(self, **index: object) -> 'Table':
        """The rows whose index says so."""
        chosen = np.ones(len(self), bool)
        for name, value in index.items():
            chosen &= self.index[name] == value
        return self.only(chosen)

    def only(self, chosen: np.ndarray) -> 'Table':
        """The rows (len,) that are chosen."""
        return Table(
            self.name,
            self.unit,
            self.images,
            {name: column[chosen] for name, column in self.index.items()},
            Estimate(*(column[chosen] for column in self.values)),
            self.notes,
        )


def write_tables(tables: dict[str, Table], stem: Path) -> None:
    """One CSV and one JSON of the tables of all models: ``stem.csv``, ``stem.json``.

    What is no number (NaN) is an empty cell in the one and null in the other, which has
    no word for it.

    Args:
        tables: Name of the model, or ``a | b`` for a pair, to its table.
    """
    rows = {model: [_written(row) for row in table.rows()] for model, table in tables.items()}
    columns = dict.fromkeys(name for table in tables.values() for name in table.index)
    with stem.with_suffix('.csv').open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, ['model', *columns, *NUMBERS])
        writer.writeheader()
        writer.writerows(dict(model=model, **row) for model in tables for row in rows[model])
    described = {
        model: dict(
            unit=table.unit,
            images=table.images,
            notes=list(table.notes),
            rows=rows[model],
        )
        for model, table in tables.items()
    }
    text = json.dumps(described, indent=1, allow_nan=False)
    stem.with_suffix('.json').write_text(text, encoding='utf-8')


def read_tables(stem: Path) -> dict[str, Table]:
    """What ``write_tables`` wrote, from ``stem.json``."""
    tables = {}
    described = json.loads(stem.with_suffix('.json').read_text(encoding='utf-8'))
    for model, table in described.items():
        names = table['rows'][0] if table['rows'] else {}
        columns = {name: np.array([row[name] for row in table['rows']]) for name in names}
        values = (columns.pop(name, np.empty(0)).astype(float) for name in NUMBERS)
        tables[model] = Table(
            stem.name,
            table['unit'],
            table['images'],
            columns,
            Estimate(*values),
            tuple(table['notes']),
        )
    return tables


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _written(row: dict[str, object]) -> dict[str, object]:
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
