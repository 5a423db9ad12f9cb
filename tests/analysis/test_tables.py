"""Tables in memory, and on disk as CSV and JSON."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mim_secrets.analysis.results import Results
from mim_secrets.analysis.statistics import Estimate
from mim_secrets.analysis.tables import NUMBERS, Table, write_tables


def table(shift: float = 0.0, **more: np.ndarray) -> Table:
    """Two layers of two heads, with more columns."""
    mean = np.array([0.1, 1 / 3, 1e-20, 12345.678901234567]) + shift
    index = dict(layer=np.array([0, 0, 1, 1]), head=np.array([0, 1, 0, 1], np.int32), **more)
    return Table('distance', 'px', 8, index, Estimate(mean, mean - 1, mean + 1), ('Of a kind.',))


def with_gaps() -> Table:
    gaps = np.array([np.nan, np.inf])
    values = Estimate(np.array([np.nan, 2.0]), gaps, -gaps)
    return Table('kl_layer', 'nats', 8, dict(layer=np.arange(2)), values)


def refuse(word: str) -> None:
    raise AssertionError(f'{word} is no JSON')


def read(stem: Path) -> tuple[list[dict[str, str]], dict]:
    with stem.with_suffix('.csv').open(newline='', encoding='utf-8') as file:
        rows = list(csv.DictReader(file))
    text = stem.with_suffix('.json').read_text(encoding='utf-8')
    return rows, json.loads(text, parse_constant=refuse)


def test_files_hold_the_numbers_to_the_last_bit(tmp_path: Path) -> None:
    """Breaks when digits are lost, or rows come under another model."""
    tables = {'mim': table(), 'mim | süß, "b"': table(5.0)}
    write_tables(tables, tmp_path / 'distance')
    rows, described = read(tmp_path / 'distance')
    assert list(rows[0]) == ['model', 'layer', 'head', 'mean', 'low', 'high']
    assert [row['model'] for row in rows] == [model for model in tables for _ in range(4)]
    assert list(described) == list(tables)
    for model, original in tables.items():
        assert {k: described[model][k] for k in ('unit', 'images', 'notes')} == {
            'unit': 'px',
            'images': 8,
            'notes': ['Of a kind.'],
        }
        mine = [row for row in rows if row['model'] == model]
        for name, column in {**original.index, **dict(zip(NUMBERS, original.values))}.items():
            assert [row[name] for row in described[model]['rows']] == column.tolist()
            assert [type(column[0].item())(row[name]) for row in mine] == column.tolist()


def test_what_is_no_number_is_null_and_an_empty_cell(tmp_path: Path) -> None:
    """Breaks when NaN or Infinity gets into JSON, which no other reader takes."""
    write_tables({'swin': with_gaps()}, tmp_path / 'kl_layer')
    rows, described = read(tmp_path / 'kl_layer')
    gap = dict(layer=0, mean=None, low=None, high=None)
    assert described['swin']['rows'] == [gap, dict(layer=1, mean=2.0, low=None, high=None)]
    assert rows[0] == dict(model='swin', layer='0', mean='', low='', high='')
    assert rows[1]['mean'] == '2.0'


def test_models_of_other_columns_and_no_rows(tmp_path: Path) -> None:
    """Breaks when a model without rows, such as one whose layers have one head each, ends
    a long analysis with an error, or columns go by the first model alone."""
    tables = {
        'empty': table().where(layer=7),
        'plain': table(),
        'more': table(part=np.array(['block', 'block', 'mlp', 'mlp'])),
    }
    write_tables(tables, tmp_path / 'distance')
    rows, described = read(tmp_path / 'distance')
    assert described['empty']['rows'] == []
    assert [row['part'] for row in rows] == [''] * 4 + ['block', 'block', 'mlp', 'mlp']
    write_tables({'empty': tables['empty']}, tmp_path / 'nothing')
    assert read(tmp_path / 'nothing')[0] == []
    header = (tmp_path / 'nothing.csv').read_text(encoding='utf-8').strip()
    assert header == 'model,layer,head,mean,low,high'


def test_rows_are_of_plain_numbers_and_words() -> None:
    """Breaks when NumPy's scalars get out, which json and yaml refuse."""
    rows = list(table(part=np.array(['a', 'b', 'c', 'd'])).rows())
    assert [list(map(type, row.values())) for row in rows] == [[int, int, str] + [float] * 3] * 4
    assert rows[3] == dict(layer=1, head=1, part='d', **dict(zip(NUMBERS, rows[3].values()))) | {
        'mean': 12345.678901234567,
        'low': 12344.678901234567,
        'high': 12346.678901234567,
    }


def test_where_chooses_rows() -> None:
    """Breaks when a condition is passed over, or index and numbers part."""
    whole = table(part=np.array(['a', 'b', 'b', 'b']))
    assert len(whole) == 4
    chosen = whole.where(layer=1, part='b')
    assert list(chosen.rows()) == list(whole.rows())[2:]
    assert list(whole.where(head=1, layer=0).rows()) == [list(whole.rows())[1]]
    assert list(whole.where().rows()) == list(whole.rows())
    assert len(whole.where(head=9)) == 0
    said = (chosen.name, chosen.unit, chosen.images, chosen.notes)
    assert said == ('distance', 'px', 8, ('Of a kind.',))
    with pytest.raises(KeyError, match='depth'):
        whole.where(depth=1)


def test_only_takes_rows_by_a_mask() -> None:
    """Breaks when rows are chosen by anything but their own place."""
    whole = table()
    chosen = whole.only(np.array([True, False, False, True]))
    assert list(chosen.rows()) == [list(whole.rows())[0], list(whole.rows())[3]]


def test_results_write_each_table_into_a_new_folder(tmp_path: Path) -> None:
    """Breaks when a table is left out, or files have other names than tables."""
    tables = {'distance': {'mim': table()}, 'kl_layer': {'mim': with_gaps(), 'sup': with_gaps()}}
    folder = tmp_path / 'a' / 'b'
    results = Results({'mim': 'a file'}, {'images': '8'}, tables)
    for _ in range(2):
        results.write(folder)
        assert sorted(file.name for file in folder.iterdir()) == [
            'about.json',
            'distance.csv',
            'distance.json',
            'kl_layer.csv',
            'kl_layer.json',
        ]
    assert [row['model'] for row in read(folder / 'kl_layer')[0]] == ['mim', 'mim', 'sup', 'sup']
    assert list(read(folder / 'distance')[1]) == ['mim']
