"""The benchmark of trackers, at toy size; what it measures is not judged here."""

import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

from tests.apis.films import TRACKER, VIT

BENCHMARKS = Path(__file__).parents[2] / 'tools' / 'benchmarks'
WHOLES = ['encoder', 'encoder again', 'tracker']
PARTS = ['crop', 'encoder in it', 'head', 'box and back']
PAIR = dict(
    type='mim_secrets.TwoStreamTracker',
    backbone=VIT,
    fusion=dict(type='mim_secrets.PairFusion', dims=16, depth=1, num_heads=2),
    head=dict(type='mim_secrets.OverlapHead', in_channels=16),
    template_size=32,
    search_size=64,
)


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The script as a module, its siblings importable as when it is run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv('OMP_WAIT_POLICY', 'PASSIVE')  # set by the import otherwise
    import tracking_speed

    yield tracking_speed
    for name in ('tracking_speed', 'tracking_lanes', 'step_measures', 'turns'):
        sys.modules.pop(name)


@pytest.fixture
def lanes(benchmark: ModuleType) -> Callable:
    def make(model: dict) -> object:
        torch.manual_seed(0)
        return benchmark.Lanes(benchmark.AtWork(dict(model=model), torch.device('cpu')), 2)

    return make


@pytest.mark.parametrize('model', [TRACKER, PAIR], ids=['one stream', 'two streams'])
def test_parts_make_up_the_tracker(lanes, model: dict) -> None:
    """Breaks when a part of a tracker is not counted, or counted twice; when the encoder
    alone is another one than the tracker has; or when stopwatches stay in the model."""
    one = lanes(model)
    whole, parts = one.wholes['tracker'].gflop, {k: v.gflop for k, v in one.parts.items()}
    assert sum(parts.values()) == pytest.approx(whole) and whole > 0
    assert parts['encoder in it'] == pytest.approx(one.wholes['encoder'].gflop)
    assert (parts['fusion'] > 0) == (model is PAIR) and parts['head'] > 0
    assert parts['crop'] == parts['box and back'] == 0
    spent = one.tracked.apart(iter(range(1000)).__next__)  # a clock that goes on as it is read
    assert all(spent[part] > 0 for part in PARTS)
    clean = one.tracked.model
    assert not {'_cut', 'forward', 'forward_pair'} & {
        name for part in clean.modules() for name in vars(part)
    }


def test_what_is_compared(benchmark: ModuleType) -> None:
    """Breaks when a config gets another name, so that it is left out without a word."""
    kinds = [path.name.split('_')[:2] for path in benchmark.default_configs()]
    assert kinds == [
        ['vit-base-p16', 'one-stream'],
        ['swinv2-base-w12', 'two-stream'],
        ['swinv2-large-w12', 'two-stream'],
        ['vit-nano-p4', 'one-stream'],
        ['swinv2-nano-w4', 'two-stream'],
    ]


@pytest.mark.slow
def test_rows_and_their_table(benchmark, tmp_path: Path, monkeypatch) -> None:
    """Breaks when a variant is not timed in every round, a column gets lost, or the docs'
    table does not understand the file."""
    for name, model in (
        ('vit-nano_one-stream_toy-32px', TRACKER),
        ('vit-nano_two-stream_toy-32px', PAIR),
    ):
        imports = "custom_imports = dict(imports=['mim_secrets', 'mim_secrets.models.tracking'])\n"
        (tmp_path / f'{name}.py').write_text(f'{imports}model = {model}\n')
    configs = sorted(map(str, tmp_path.glob('*.py')))
    out = tmp_path / 'new' / 'speed.csv'
    words = ['tracking_speed.py', *configs, '--rounds', '3', '--frames', '1', '--out', str(out)]
    monkeypatch.setattr(sys, 'argv', words)
    benchmark.main()
    rows = list(csv.DictReader(out.open()))
    one = [[*WHOLES, *PARTS], [*WHOLES, *PARTS[:2], 'fusion', *PARTS[2:]]]
    for number, config in enumerate(configs):
        own = [row for row in rows if row['config'] == Path(config).stem]
        assert [row['variant'] for row in own] == one[number]
        assert own[0]['times_encoder'] == '1.0'
        assert [row['goal'] for row in own if row['goal']] == ['times <= 1.25']
    for row in rows:
        assert row['rounds'] == '3' and float(row['milliseconds']) >= 0
        low, middle, high = (float(row[f'times_encoder{end}']) for end in ('_q1', '', '_q3'))
        assert low <= middle <= high

    monkeypatch.syspath_prepend(str(BENCHMARKS.parent / 'misc'))
    import tracking_tables

    monkeypatch.setattr(tracking_tables, 'SPEED', out)
    table = tracking_tables.tracking_speed().splitlines()
    assert 'one sequence, 3 rounds of 1 frames' in table[0]
    assert len(table) == 4 + len(rows)
    assert table[4].startswith('| vit-nano one-stream, 32px | encoder | ')
    assert sum('of it: ' in line for line in table) == 9
