"""All that an analysis found."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mim_secrets.analysis.tables import Table, read_tables, write_tables

ABOUT = 'about.json'


@dataclass(frozen=True)
class Results:
    """Tables of all models, and what has to be known to read them.

    Attributes:
        subjects: Name of a model -> where it came from.
        settings: What was done, as a reader is told: images, number, seed, versions.
        tables: Name of a table -> name of a model, or ``a | b``, -> the table.
        pictures: Title -> an RGB picture (H, W, 3) of uint8.
    """

    subjects: dict[str, str]
    settings: dict[str, str]
    tables: dict[str, dict[str, Table]]
    pictures: dict[str, np.ndarray] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """CSV and JSON of every table, and ``about.json`` with the rest but pictures."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, tables in self.tables.items():
            write_tables(tables, folder / name)
        about = dict(subjects=self.subjects, settings=self.settings, tables=list(self.tables))
        (folder / ABOUT).write_text(json.dumps(about, indent=1), encoding='utf-8')

    @classmethod
    def read(cls, folder: Path) -> 'Results':
        """What ``write`` wrote; pictures are not among it."""
        about = json.loads((folder / ABOUT).read_text(encoding='utf-8'))
        tables = {name: read_tables(folder / name) for name in about['tables']}
        return cls(about['subjects'], about['settings'], tables)
