"""The quickstart's book-keeping: what runs again, what goes on, what a failure says."""

import fcntl
import importlib.util
import io
import sys
from pathlib import Path

import pytest
from mmengine.config import Config
from rich.console import Console

from mim_secrets.apis.road import Road, time_left
from mim_secrets.visualization.report import Records, Stage, StageError

pytestmark = pytest.mark.slow  # they write files and start processes

ROOT = Path(__file__).parents[2]
# notes down how it was started, in a file outside of its own folder
NOTE = 'import sys; open(sys.argv[1], "a").write(" ".join(sys.argv[2:]) + ";")'


@pytest.fixture
def notes(tmp_path):
    return tmp_path / 'notes'


@pytest.fixture
def stage(tmp_path, notes):
    def build(name, *words, code=NOTE, **facts):
        command = ('-c', code, str(notes), name, *words)
        facts.setdefault('work_dir', tmp_path / 'root' / name)
        return Stage(name, f'do {name}', command, seconds=1, **facts)

    return build


@pytest.fixture
def run(tmp_path):
    """Run stages and return what was said."""

    def run(*stages):
        console = Console(file=io.StringIO(), width=200)
        Road(list(stages), Records(tmp_path / 'root', list(stages)), console).run()
        return console.file.getvalue()

    return run


def quickstart():
    path = ROOT / 'tools' / 'quickstart.py'
    spec = importlib.util.spec_from_file_location('quickstart', path)
    module = importlib.util.module_from_spec(spec)
    sys.modules['quickstart'] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_finished_stages_are_not_run_again(stage, run, notes):
    """Breaks when stamps are not written, not read, or read by the wrong name."""
    stages = stage('a'), stage('b', needs=('a',))
    run(*stages)
    assert '2 of 2 stages are there already' in run(*stages)
    assert notes.read_text() == 'a;b;'


def test_a_changed_command_runs_again_with_all_that_needs_it(stage, run, notes):
    """Breaks when a fingerprint leaves out the command, or the stages before."""
    run(stage('a'), stage('b', needs=('a',)), stage('c'))
    run(stage('a', 'new'), stage('b', needs=('a',)), stage('c'))
    assert sorted(notes.read_text().split(';')) == ['', 'a', 'a new', 'b', 'b', 'c']


def test_a_changed_base_config_runs_again(stage, run, notes, tmp_path):
    """Breaks when the text of a config is hashed without what it inherits."""
    base, config = tmp_path / 'base.py', tmp_path / 'config.py'
    base.write_text('epochs = 1\n')
    config.write_text("_base_ = './base.py'\n")
    run(stage('a', config=str(config)))
    config.write_text("# a remark changes nothing\n_base_ = './base.py'\n")
    run(stage('a', config=str(config)))
    assert notes.read_text() == 'a;'
    base.write_text('epochs = 2\n')
    run(stage('a', config=str(config)))
    assert notes.read_text() == 'a;a;'


def test_results_of_another_command_are_removed(stage, run, tmp_path):
    """Breaks when a new run finds old logs, which the report would mix with its own."""
    leave = 'import sys; open(sys.argv[3], "w")'
    work_dir = tmp_path / 'root' / 'a'
    run(stage('a', str(work_dir / 'old'), code=leave))
    run(stage('a', str(work_dir / 'new'), code=leave))
    assert [path.name for path in work_dir.iterdir()] == ['new']


def test_what_lies_outside_is_never_removed(stage, run, tmp_path):
    """Breaks when the rendered world is deleted because its stage starts anew."""
    world = tmp_path / 'world'
    world.mkdir()
    (world / 'image').touch()
    run(stage('a', work_dir=world))
    run(stage('a', 'new', work_dir=world))
    assert (world / 'image').exists()


def test_a_failing_stage_is_named(stage, run, tmp_path):
    """Breaks when a failure hides the stage, its last words or its command."""
    fail = 'import sys; print("first"); sys.exit("Error: no data; draw it.")'
    with pytest.raises(StageError) as error:
        run(stage('a'), stage('b', code=fail, needs=('a',)), stage('c', needs=('b',)))
    message = str(error.value)
    assert '"do b" failed with exit code 1' in message
    assert 'first\n    Error: no data; draw it.' in message
    assert 'python -c' in message
    assert str(tmp_path / 'root' / 'stages' / 'b.log') in message
    assert not (tmp_path / 'root' / 'c').exists()


def test_a_failure_ends_what_runs_beside_it(stage, run, tmp_path):
    """Breaks when a neighbour goes on after the failure, as an orphan."""
    sleep = (
        'import sys, time\n'
        'try: open(sys.argv[3], "w"), time.sleep(60)\n'
        'except KeyboardInterrupt: open(sys.argv[4], "w")\n'
    )
    fail = (
        'import os, sys, time\n'
        'while not os.path.exists(sys.argv[3]): time.sleep(0.01)\n'
        'sys.exit(3)\n'
    )
    began, ended = tmp_path / 'began', tmp_path / 'ended'
    with pytest.raises(StageError, match='"do b" failed with exit code 3'):
        run(
            stage('a', str(began), str(ended), code=sleep),
            stage('b', str(began), code=fail),
        )
    assert ended.exists()


def test_an_interrupted_training_gets_resume(stage, run, notes, tmp_path):
    """Breaks when training starts from nothing, or a probe is told to resume."""
    once = (
        'import sys, os; open(sys.argv[1], "a").write(" ".join(sys.argv[2:]) + ";");'
        'seen = os.path.exists(sys.argv[3]); open(sys.argv[3], "w"); sys.exit(not seen)'
    )
    training = stage('a', str(tmp_path / 'seen a'), code=once, resumes=True)
    probe = stage('b', str(tmp_path / 'seen b'), code=once, needs=('a',))
    for failing in ('do a', 'do b'):
        with pytest.raises(StageError, match=failing):
            run(training, probe)
    run(training, probe)
    starts = [' '.join(s.split('/')[-1].split()[1:]) for s in notes.read_text().split(';')]
    assert starts == ['a', 'a --resume', 'b', 'b', '']
    record = Records(tmp_path / 'root', [training, probe]).read(training)
    assert record['finished'] and record['starts'] == 2


def test_a_second_run_beside_the_first_is_refused(stage, run, notes, tmp_path):
    """Breaks when two runs write into the same folders at the same time."""
    run()
    with open(tmp_path / 'root' / 'stages' / 'lock', 'w') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(StageError, match='Another run is at work'):
            run(stage('a'))
    assert not notes.exists()


def test_a_missing_config_is_said_before_anything_runs(stage, run, notes):
    """Breaks when minutes pass before a wrong name in the table is noticed."""
    with pytest.raises(StageError, match=r'no config nowhere.py, which "do b" needs'):
        run(stage('a'), stage('b', config='nowhere.py'))
    assert not notes.exists()


def test_time_left_knows_what_runs_side_by_side(stage):
    """Breaks when the ETA adds up what runs at the same time, or forgets to wait."""
    a, b, c = stage('a'), stage('b'), stage('c', needs=('a', 'b'))
    assert time_left({}, [a, b, c], set(), slots=2, pace=1.0) == 2
    assert time_left({}, [a, b, c], set(), slots=1, pace=2.0) == 6
    assert time_left({'a': 5.0}, [c], {'b'}, slots=2, pace=1.0) == 6


def test_a_resumed_stage_does_not_speed_up_the_clock(stage, tmp_path):
    """Breaks when the last seconds of a stage are taken for all of it, so that hours look
    like minutes."""
    stages = [stage('a', resumes=True), stage('b', needs=('a',))]
    records = Records(tmp_path / 'root', stages)
    records.begin(stages[0])  # and then somebody pulled the plug
    road = Road(stages[:1], records, Console(file=io.StringIO()))
    road.run()
    assert road.finished == {'a'} and road.pace == 1.0
    road = Road(stages, records, Console(file=io.StringIO()))
    road.run()
    assert road.finished == {'a', 'b'} and road.pace != 1.0


@pytest.mark.parametrize(
    ('pattern', 'line', 'says'),
    [
        ('RENDERING', 'rendering 1200/22000, ETA 61 s', ('1200/22000', 61)),
        (
            'TRAINING',
            'INFO - Epoch(train) [3][ 50/312]  base_lr: 2.5e-04 lr: 2.5e-04  eta: 0:01:07'
            '  time: 0.6  data_time: 0.08  loss: 0.8341  pixel_mean: 0.0687',
            ('[3][ 50/312] loss: 0.8341', 67),
        ),
    ],
)
@pytest.mark.slow
def test_progress_is_read_from_a_stages_own_output(stage, run, pattern, line, says):
    """Breaks when a log line changes its form and the bars stand still."""
    progress = getattr(quickstart(), pattern)
    seen = []
    watched = stage('a', code=f'import time; print({line!r}, flush=True); time.sleep(1)',
                    progress=progress)  # fmt: skip
    road_show = Road._show

    def show(road):
        seen.extend(running.says() for running in road.running)
        road_show(road)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Road, '_show', show)
        run(watched)
    assert says in seen


@pytest.mark.parametrize('name', ['quickstart', 'study'])
def test_the_table_names_what_exists(name, monkeypatch):
    """Breaks when a config or tool of the table is renamed, or a need comes too late."""
    module = quickstart()
    monkeypatch.chdir(ROOT)
    preset = module.PRESETS[name]
    stages = module.list_stages(preset, preset.seeds, Path(preset.work_dir))
    finished = set()
    for stage in stages:
        assert Path(stage.command[0]).is_file()
        assert finished.issuperset(stage.needs)
        assert stage.config is None or stage.config in stage.command
        finished.add(stage.name)
    assert len(finished) == len(stages) == 1 + 10 * len(preset.seeds)
    for path in {stage.config for stage in stages if stage.config}:
        config = Config.fromfile(path, import_custom_modules=False)
        assert config.train_dataloader.dataset.data_root == module.WORLD
