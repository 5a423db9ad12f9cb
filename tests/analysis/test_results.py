"""All that an analysis found, on disk and back."""

from pathlib import Path

import numpy as np

from mim_secrets.analysis.results import Results
from mim_secrets.analysis.statistics import Estimate
from mim_secrets.analysis.tables import Table


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Breaks when a column, a note, a gap or the order of tables and models is lost."""
    values = Estimate(np.array([1 / 3, np.nan]), np.array([0.1, np.nan]), np.array([0.5, np.nan]))
    index = dict(layer=np.arange(2), part=np.array(['block', 'mlp']))
    table = Table('kl_layer', 'nats', 7, index, values, ('Of a kind.', 'And another.'))
    written = Results(
        subjects={'b': 'first', 'a': 'second'},
        settings={'images': '7 of 8'},
        tables={'kl_layer': {'b': table, 'a | b': table}, 'cka': {'a': table}},
    )
    written.write(tmp_path)
    read = Results.read(tmp_path)
    assert (read.subjects, read.settings) == (written.subjects, written.settings)
    assert list(read.subjects) == ['b', 'a'] and list(read.tables) == ['kl_layer', 'cka']
    assert list(read.tables['kl_layer']) == ['b', 'a | b']
    found = read.tables['kl_layer']['a | b']
    assert (found.name, found.unit, found.images) == ('kl_layer', 'nats', 7)
    assert found.notes == table.notes
    assert found.index.keys() == index.keys()
    for name, column in index.items():
        np.testing.assert_array_equal(found.index[name], column)
    for one, other in zip(found.values, values):
        np.testing.assert_array_equal(one, other)
