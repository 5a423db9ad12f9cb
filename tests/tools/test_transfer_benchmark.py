"""The comparison of starts downstream: its plan, and how its logs are read."""

import csv
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console

from tests.conftest import REPO

MODULES = ('transfer', 'task_times', 'transfer_list', 'long_runs', 'quickstart')


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch):
    """The script as a module, its siblings importable as when it is run."""
    monkeypatch.syspath_prepend(str(REPO / 'tools' / 'benchmarks'))
    monkeypatch.syspath_prepend(str(REPO / 'tools'))
    monkeypatch.setenv('OMP_WAIT_POLICY', 'PASSIVE')  # set by the import otherwise
    monkeypatch.chdir(REPO)  # tasks name configs from here
    import transfer

    yield transfer
    for name in MODULES:
        sys.modules.pop(name, None)


@pytest.mark.slow
def test_the_plan_names_what_exists(benchmark, tmp_path: Path) -> None:
    """Breaks when a config or tool is renamed, a need comes too late, starts are trained
    otherwise than each other, or a choice of seeds and tasks leaves out too much."""
    (tmp_path / 'seed7').mkdir()
    comparison = benchmark.Comparison(tmp_path, [0, 1])
    finished: set[str] = set()
    for stage in comparison.stages.values():
        assert Path(stage.command[0]).is_file()
        assert finished.issuperset(stage.needs)
        assert stage.config is None or stage.config in stage.command
        finished.add(stage.name)
    starts = ('scratch', 'supervised', 'mae', 'mff')
    runs = [f'seed{seed}-{start}-pose' for seed in (0, 1, 7) for start in starts]
    assert len(runs) == 12 and finished.issuperset(runs)

    chosen = {stage.name: stage.needs for stage in comparison.chosen(['pose'])}
    assert chosen.keys() & set(runs) == set(runs[:8]), 'seed 7 was not asked for'
    others = chosen.keys() - set(runs)
    assert {'render', 'render-coco', 'seed1-supervised-pretrain'} <= others
    assert all(name.startswith('render') or name.endswith('-pretrain') for name in others)
    for run in benchmark.RUNS:
        chosen = {stage.name: stage.needs for stage in comparison.chosen([run])}
        assert all(chosen.keys() >= set(needs) for needs in chosen.values()), run
    assert 'seed0-mae-two_streams' not in comparison.stages, 'the encoder is no ViT'
    for start in ('supervised', 'mff', 'simmim'):
        needs = comparison.stages[f'seed1-{start}-two_streams'].needs
        assert f'seed1-{start}-swinv2' in needs

    commands = {start: list(comparison.stages[f'seed0-{start}-pose'].command) for start in starts}
    assert commands['scratch'][commands['scratch'].index('--pretrained') + 1] == 'none'
    texts = {' '.join(words).replace(start, '') for start, words in commands.items()}
    texts = {text.replace('none', f'{tmp_path}/seed0//pretrain') for text in texts}
    assert len(texts) == 1, 'runs differ in more than where the encoder starts'


@pytest.mark.slow
def test_values_are_those_of_finished_runs(benchmark, tmp_path: Path) -> None:
    """Breaks when a value of an unfinished run is shown, the last validation is not the
    one that counts, a precision is not made percent, or mIoU is, a second time."""
    comparison = benchmark.Comparison(tmp_path, [0])
    logs = {
        'mff-pose': [{'coco/AP': 0.1, 'step': 1}, {'coco/AP': 0.375, 'step': 2}],
        'mff-segmentation': [{'mIoU': 41.5, 'step': 100}],
        'mae-detection': [{'coco/bbox_mAP': 0.2, 'coco/segm_mAP': 0.1, 'step': 1}],
    }
    for run, lines in logs.items():
        stage = comparison.stages[f'seed0-{run}']
        record = comparison.records.begin(stage)
        comparison.records.write(stage, record | dict(finished=run != 'mae-detection'))
        folder = stage.work_dir / '20260101_000000' / 'vis_data'
        folder.mkdir(parents=True)
        text = '\n'.join(json.dumps(line) for line in lines)
        (folder / 'scalars.json').write_text(text)
    comparison.write(Console(quiet=True))
    with (tmp_path / 'transfer.csv').open(newline='') as file:
        rows = list(csv.DictReader(file))
    found = {(row['start'], row['measure'], row['seed']): row['value'] for row in rows}
    assert found == {('mff', 'mIoU', '0'): '41.50', ('mff', 'pose AP', '0'): '37.50'}
    assert all((tmp_path / row['file']).is_file() for row in rows)
    stages = json.loads((tmp_path / 'transfer.json').read_text())
    assert [stage['title'] for stage in stages] == [
        'segmentation, MFF, seed 0',
        'pose, MFF, seed 0',
    ]


@pytest.mark.slow
def test_times_are_those_of_whole_runs(benchmark, tmp_path: Path) -> None:
    """Breaks when a run that was stopped is timed, or goes on and is timed from there."""
    import task_times

    runs = {name: task_times.stage(name, 'scratch', 0, tmp_path) for name in ('pose', 'crowd')}
    worlds = [task_times.render(layout) for layout in ('coco', 'crowdpose')]
    records = task_times.Records(tmp_path, [*worlds, *runs.values()])
    for name, seconds in (('pose', 61.25), ('crowd', 30.0)):
        record = records.begin(runs[name])
        records.write(runs[name], record | dict(finished=name == 'pose', seconds=seconds))
    task_times.begin_again(list(runs.values()), records)
    assert records.read(runs['pose']) and not records.read(runs['crowd'])
    task_times.write(tmp_path, {name: records.read(run) for name, run in runs.items()})
    with (tmp_path / 'times.csv').open(newline='') as file:
        (row,) = csv.DictReader(file)
    assert (row['task'], row['seconds']) == ('pose', '61.2') and int(row['cores']) > 0
