"""The table of published tracking scores."""

import csv
from pathlib import Path

import pytest
import yaml

from tests.conftest import REPO


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(REPO / 'tools' / 'misc'))
    import tracking_tables

    return tracking_tables


def cells(table: str) -> dict[str, list[str]]:
    lines = [[cell.strip() for cell in line.split('|')[1:-1]] for line in table.splitlines()]
    return {line[0]: line[1:] for line in lines}


def test_every_published_score_is_shown_once(tables) -> None:
    """Breaks when a figure of docs/published.yml stands in no cell, or in a wrong one."""
    rows = yaml.safe_load((REPO / 'docs/published.yml').read_text())
    rows = [row for row in rows if row['task'].endswith(' tracking')]
    table = cells(tables.tracking_published())
    header = table['']
    shown = sum(bool(cell) for name in table if 'published' in name for cell in table[name][:-1])
    assert shown == len(rows) > 0
    names = {tracker: name for name, tracker in tables.MODELS.items()}
    for row in rows:
        column = header.index(f'{row["task"].removesuffix(" tracking")} {row["metric"]}')
        name = names.get(row['tracker'], f'{row["arch"]}, {row["tracker"]}')
        assert table[f'{name}: published'][column] == f'{row["value"]:.1f}'
        assert row['source'] in table[f'{name}: published'][-1]


def test_what_was_measured_is_shown(tables, tmp_path: Path, monkeypatch) -> None:
    """Breaks when a whole run's score does not get into its cell, or one that nobody has
    run has a figure."""
    assert all(
        row[:-1] == [''] * 9 and row[-1] == 'nobody has run it yet'
        for name, row in cells(tables.tracking_published()).items()
        if 'measured here' in name
    )
    model = next(iter(tables.MODELS))
    path = tmp_path / 'measured.csv'
    with path.open('w', newline='') as file:
        csv.writer(file).writerows(
            [['model', 'data', 'metric', 'value'], [model, 'GOT-10k', 'AO', '70.9']]
        )
    monkeypatch.setattr(tables, 'MEASURED', path)
    table = cells(tables.tracking_published())
    row = dict(zip(table[''], table[f'{model}: measured here'], strict=True))
    assert row.pop('GOT-10k AO') == '70.9' and not any(row.values())
