"""The loading benchmark, at toy size; what it measures is not judged here."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / 'tools' / 'benchmarks'


@pytest.mark.slow
def test_every_way_of_loading_is_timed(tmp_path: Path) -> None:
    """Breaks when a way of loading fails, is not timed in every round, or its memory
    is taken from a process that had already loaded something."""
    out = tmp_path / 'loading.csv'
    command = [sys.executable, str(BENCHMARKS / 'checkpoint_loading.py')]
    command += ['--arch', 'tiny', '--rounds', '2', '--out', str(out)]
    done = subprocess.run(command, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(out.open()))
    variants = ['torch.load', 'SharedCheckpoint', 'Pretrained']
    assert [row['variant'] for row in rows] == 2 * variants
    assert [row['round'] for row in rows] == [*'000111']
    assert all(float(row['seconds']) > 0 for row in rows)
    assert all(0.5 < float(row['copies']) < 5 for row in rows), rows
