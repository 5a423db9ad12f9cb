"""The benchmark of measures, at toy size; what it measures is not judged here."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / 'tools' / 'benchmarks'
VARIANTS = [
    ('attention', 'forwards'), ('attention', 'forwards again'),
    ('attention', 'distance, entropy, divergence'), ('cka', 'forwards'),
    ('cka', 'forwards again'), ('cka', 'CKA'), ('cka', 'torch-cka'), ('cka', 'pytorch-cka'),
]  # fmt: skip
# As if neither package were installed.
HIDE = """
import importlib.util, runpy, sys
find = importlib.util.find_spec
hidden = {'torch_cka', 'cka'}
importlib.util.find_spec = lambda name, *rest: None if name in hidden else find(name, *rest)
sys.argv = sys.argv[1:]
sys.path.insert(0, sys.argv[0].rpartition('/')[0])
runpy.run_path(sys.argv[0], run_name='__main__')
"""


@pytest.mark.slow
@pytest.mark.parametrize('packages', [True, False], ids=['as installed', 'without packages'])
def test_measures_and_packages_take_turns(tmp_path: Path, packages: bool) -> None:
    """Breaks when a variant is not timed in every round, when a package that is
    installed finds other values than we do, or when one that is not ends the run."""
    out = tmp_path / 'speed.csv'
    command = [sys.executable, '-W', 'ignore', *([] if packages else ['-c', HIDE])]
    command += [str(BENCHMARKS / 'analysis_speed.py'), '--quick', '--rounds', '2']
    command += ['--batch-size', '2', '--out', str(out)]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(out.open()))
    assert [(row['part'], row['variant']) for row in rows] == VARIANTS
    for row in rows:
        assert (row['images'], row['rounds']) == ('2' if row['part'] == 'attention' else '16', '2')
        if row['version'].startswith('not installed'):
            assert row['variant'] in row['version'] and not row['speed']
        else:
            assert float(row['images_per_second']) > 0
            assert float(row['speed_q1']) <= float(row['speed']) <= float(row['speed_q3'])
        if row['largest_difference_to_ours']:
            assert float(row['largest_difference_to_ours']) <= 1e-4
    assert [row['goal'] for row in rows if row['goal']] == ['speed >= 0.80', 'time <= 1.15']
    if not packages:
        assert all(row['version'].startswith('not installed') for row in rows[-2:])
