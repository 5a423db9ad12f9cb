"""The comparison of recipes, at toy size; what it measures is not judged here."""

import csv
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mim_secrets.visualization.report import Records
from tests.conftest import REPO

BENCHMARKS = REPO / 'tools' / 'benchmarks'
MODULES = ('recipes', 'long_runs', 'recipe_costs', 'recipe_list', 'recipe_results', 'step_measures')


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch):
    """The script as a module, its siblings importable as when it is run."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.syspath_prepend(str(REPO / 'tools'))
    monkeypatch.setenv('OMP_WAIT_POLICY', 'PASSIVE')  # set by the import otherwise
    monkeypatch.chdir(REPO)  # recipes name configs from here
    import recipes

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield recipes
    torch.set_num_threads(threads)
    for name in (*MODULES, 'quickstart'):
        sys.modules.pop(name)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_the_plan_names_what_exists(benchmark, tmp_path: Path) -> None:
    """Breaks when a config or tool is renamed, a need comes too late, or a stage is
    left out."""
    comparison = benchmark.Comparison(tmp_path, [0, 1], toy=False)
    stages = comparison.chosen(list(benchmark.RECIPES))
    finished = set()
    for stage in stages:
        assert Path(stage.command[0]).is_file()
        assert finished.issuperset(stage.needs)
        assert stage.config is None or stage.config in stage.command
        finished.add(stage.name)
    assert len(finished) == len(stages) == 1 + 2 * 2 * len(benchmark.RECIPES)
    assert len(comparison.stages()) == 1 + len(stages)
    (tmp_path / 'seed7').mkdir()
    later = benchmark.Comparison(tmp_path, [1], toy=False)
    assert {seed for _, seed in later.runs} == {1, 7}, 'the tables would lose a seed'
    assert not [stage for stage in later.chosen(['mff']) if 'seed 7' in stage.title]


def test_a_recipe_runs_as_its_config_says_and_is_probed(benchmark, tmp_path: Path) -> None:
    """Breaks when the benchmark trains something other than the config it names."""
    from recipe_list import pretraining_config

    recipe = benchmark.RECIPES['mff']
    cfg = pretraining_config(recipe, 'elsewhere')
    own = Config.fromfile(recipe.config, import_custom_modules=False)
    *hooks, probe = cfg.custom_hooks
    assert probe.type == 'mim_secrets.ProbeHook' and probe.interval == 5
    cfg.custom_hooks = hooks
    everywhere = json.dumps(own.to_dict(), sort_keys=True).replace('data/playground', 'elsewhere')
    assert json.dumps(cfg.to_dict(), sort_keys=True) == everywhere

    path = benchmark.write_config(cfg, tmp_path / 'mff.py')
    assert Config.fromfile(path).to_dict() == cfg.to_dict()


@pytest.mark.slow
def test_arithmetic_of_a_run_adds_up(benchmark) -> None:
    """Breaks when views are counted as images, a size counts for the wrong number of
    epochs, or the images that fill no batch are paid for."""
    plans = {name: benchmark.Plan(recipe) for name, recipe in benchmark.RECIPES.items()}
    mff, half, masks4 = plans['mff'], plans['mff-half'], plans['masks4']
    spent = mff.spent(images=8000)
    assert spent[-1] == pytest.approx(25 * 8000 * mff.gflop[32])
    assert mff.spent(images=8063)[-1] == pytest.approx(spent[-1])
    assert half.spent(8000)[-1] == pytest.approx(spent[11])
    assert masks4.gflop[32] == pytest.approx(mff.gflop[32])
    assert masks4.spent(8000)[-1] == pytest.approx(spent[23])

    growing = plans['progressive']
    assert growing.sizes(8) == [16, 16, 24, 24, 32, 32, 32, 32]
    assert list(growing.gflop) == [16, 24, 32]
    steps = torch.tensor(growing.spent(8000)).diff().div(8000)
    expected = torch.tensor([growing.gflop[size] for size in growing.sizes(25)][1:])
    torch.testing.assert_close(steps, expected, rtol=1e-3, atol=0)
    assert growing.mean(growing.gflop) == pytest.approx(growing.spent(8000)[-1] / 25 / 8000)


@pytest.mark.slow
def test_a_probe_that_was_done_twice_counts_once(benchmark, tmp_path: Path) -> None:
    """Breaks when a resumed run gives two rows for an epoch, training's own scalars
    are taken for a probe, or a line that was cut off ends the reading."""
    from recipe_results import write_results
    from rich.console import Console

    comparison = benchmark.Comparison(tmp_path, [0], toy=True)
    records = Records(tmp_path, comparison.stages())
    pretrain, _ = comparison.runs['mff', 0]
    for stage in (comparison.costs, pretrain):
        records.write(stage, records.begin(stage) | dict(finished=True))
    cost = dict(recipe='mff', title='MFF', changes='')
    (comparison.costs.work_dir / 'costs.csv').write_text(
        '\n'.join([','.join(cost), ','.join(cost.values())])
    )
    probe = {'probe/knn_top1': 1.0, 'probe/linear_top1': 2.0, 'step': 1}
    starts = {
        '20260101_000000': [dict(probe), {'loss': 1.0, 'iter': 7, 'step': 7}],
        '20260102_000000': [{**probe, 'probe/linear_top1': 3.0}, {**probe, 'step': 2}],
    }
    for start, lines in starts.items():
        folder = pretrain.work_dir / start / 'vis_data'
        folder.mkdir(parents=True)
        text = '\n'.join(json.dumps(line) for line in lines)
        (folder / 'scalars.json').write_text(text + '\n{"probe/li')
    write_results(comparison, records, Console(quiet=True))
    found = rows(tmp_path / 'probes.csv')
    assert [(row['epoch'], row['linear_top1']) for row in found] == [
        ('1', '3.0000'),
        ('2', '2.0000'),
    ]
    assert float(found[1]['gflop']) == pytest.approx(2 * float(found[0]['gflop']), rel=0.01)
    assert rows(tmp_path / 'costs.csv')[0]['total_gflop'] == found[1]['gflop']
    assert [row['top1'] for row in rows(tmp_path / 'results.csv')] == ['1.0000', '2.0000']


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The writer of the docs' tables, reading from a folder of our own."""
    misc = REPO / 'tools' / 'misc'
    monkeypatch.syspath_prepend(str(misc))  # its sibling, as when it is run
    spec = importlib.util.spec_from_file_location('write_tables', misc / 'write_tables.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, 'RECIPES', tmp_path)
    return module


def test_the_table_says_what_the_logs_say(tables, tmp_path: Path) -> None:
    """Breaks when compute is not relative to MFF's, a seed is compared with another
    seed's MAE, or a recipe that reaches it in some seeds only looks like the others."""
    machine = 'device,threads,torch,rounds\n'.strip()
    costs = [f'recipe,title,changes,total_gflop,gflop_per_view,ratio_to_mff,{machine}']
    costs[0] += ',ratio_to_mff_q1,ratio_to_mff_q3'
    for name, total in (('mae', 90), ('mff', 100), ('fast', 40), ('never', 50)):
        costs.append(f'{name},{name.upper()},words,{total},0.5,1.5,CPU,1,2.0,9,1.4,1.6')
    probes, results = ['recipe,seed,gflop,linear_top1'], ['recipe,seed,measure,top1']
    curves = {
        ('mae', 0): [(45, 70), (90, 80)],
        ('mae', 1): [(45, 60), (90, 70)],
        ('fast', 0): [(20, 75), (40, 79)],
        ('fast', 1): [(20, 75), (40, 79)],
        ('never', 0): [(50, 10)],
        ('mff', 0): [(50, 80), (100, 84)],
        ('mff', 1): [(50, 65), (100, 90)],
    }
    for (name, seed), curve in curves.items():
        probes += [f'{name},{seed},{gflop},{top1}' for gflop, top1 in curve]
        results.append(f'{name},{seed},linear probe,{curve[-1][1]}')
    for name, lines in (('costs', costs), ('probes', probes), ('results', results)):
        (tmp_path / f'{name}.csv').write_text('\n'.join(lines) + '\n')
    text = tables.recipes()
    cells = {
        line.split('**')[1]: line.split(' | ')[1:] for line in text.splitlines() if '**:' in line
    }
    assert cells['MAE'][-1] == '0.90 |'
    assert cells['MFF'] == [
        '–', '87.00 ± 4.24', '–', '1.50 (1.40 to 1.60)', '0.5000', '1.00', '0.75 |',
    ]  # fmt: skip
    assert cells['FAST'][-2:] == ['0.40', '0.20 (1 of 2 seeds) |']
    assert cells['NEVER'][1] == '10.00 (1 of 2)' and cells['NEVER'][-1] == 'never |'
    assert (
        '**FAST**, with 0.40 of the compute, ends 8.00 points below' in text
        and 'more than the larger spread of the two (4.24)' in text
    )


@pytest.mark.slow
def test_the_whole_road_at_toy_size(benchmark, tmp_path: Path) -> None:
    """Breaks when a stage of the comparison cannot be run, its numbers are not found
    again, or what is finished would be run a second time."""
    script = [sys.executable, str(BENCHMARKS / 'recipes.py'), '--toy', '--work-dir', str(tmp_path)]
    subprocess.run(
        [*script, '--seeds', '3', '--recipes', 'progressive', '--jobs', '2'],
        timeout=300,
        check=True,
        capture_output=True,
    )
    costs = {row['recipe']: row for row in rows(tmp_path / 'costs.csv')}
    assert list(costs) == list(benchmark.RECIPES)
    assert costs['mff']['ratio_to_mff'] == '1.0'
    probes = rows(tmp_path / 'probes.csv')
    assert [(row['recipe'], row['epoch']) for row in probes] == [
        ('progressive', '1'),
        ('progressive', '2'),
    ]
    assert probes[-1]['gflop'] == costs['progressive']['total_gflop']
    results = rows(tmp_path / 'results.csv')
    assert [row['measure'] for row in results] == ['kNN', 'linear probe', 'fine-tuning']
    assert all((tmp_path / row['file']).is_file() for row in results)
    log = (tmp_path / 'stages' / 'seed3-progressive-pretrain.log').read_text()
    assert 'Epoch 1: training images are 16x16' in log
    assert 'Epoch 2: training images are 32x32' in log
    again = benchmark.Comparison(tmp_path, [3], toy=True)
    records = Records(tmp_path, again.stages())
    stages = [again.costs, *again.chosen(['progressive'])]
    assert all(records.read(stage).get('finished') for stage in stages)
