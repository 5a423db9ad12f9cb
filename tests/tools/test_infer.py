"""tools/infer.py as a user runs it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mim_secrets.checkpoint.reading import read_content
from tests.apis.tasks import CLASSES, write_picture, write_task
from tests.checkpoint.attacks import write_attack
from tests.conftest import REPO

pytestmark = pytest.mark.slow  # they build models and write files


@pytest.fixture
def infer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Run the tool in this process; returns what it printed, or what it died of."""
    spec = importlib.util.spec_from_file_location('infer', REPO / 'tools' / 'infer.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> str:
        monkeypatch.setattr(sys, 'argv', ['infer.py', *map(str, arguments)])
        try:
            tool.run_cli(tool.main)
        except SystemExit as end:
            return str(end.code)
        return capsys.readouterr().out

    return run


def test_a_folder(infer, tmp_path: Path) -> None:
    """Breaks when a work directory, a folder or an option of the task is not understood."""
    config, weights = write_task('classification', tmp_path / 'run')
    write_picture(tmp_path / 'photos/a.png')
    (tmp_path / 'photos/b.png').write_bytes(b'nothing')
    options = ('--out-dir', 'out', '--batch-size', 2, '--options', 'top=2', '--device', 'cpu')
    said = infer('run', 'run', 'photos', *options)
    assert '1 predictions are in out/preds, pictures in out/vis.' in said
    told = json.loads((tmp_path / 'out/preds/a.json').read_text())
    assert told['pred_class'] in CLASSES
    assert (tmp_path / 'out/vis/a.png').is_file()
    assert infer(config, weights, 'photos/a.png', '--options', 'sides=2').startswith('Error: unkn')


def test_poses_in_the_boxes_of_a_detector(infer, tmp_path: Path) -> None:
    """Breaks when a pose estimator is not given the boxes of --detector."""
    for task in ('detection', 'pose'):
        write_task(task, tmp_path / task)
    write_picture(tmp_path / 'a.png')
    infer('pose', 'pose', 'a.png', '--out-dir', 'whole')
    infer('pose', 'pose', 'a.png', '--out-dir', 'found', '--detector', 'detection', 'detection')
    (whole,) = json.loads((tmp_path / 'whole/preds/a.json').read_text())['instances']
    found = json.loads((tmp_path / 'found/preds/a.json').read_text())['instances']
    assert whole['bbox'] == [0, 0, 96, 72]
    assert all(person['bbox'] != whole['bbox'] for person in found)


@pytest.mark.parametrize('attack', ['plain', 'legacy', 'globals of an allowed method'])
@pytest.mark.parametrize('named', ['file', 'folder'])
def test_weights_do_not_run_code(infer, tmp_path: Path, attack: str, named: str) -> None:
    """Breaks when the command opens a checkpoint with everything allowed."""
    config, weights = write_task('classification', tmp_path / 'run')
    write_picture(tmp_path / 'a.png')
    file, loot = write_attack(attack, read_content(weights), tmp_path)
    (tmp_path / 'folder').mkdir()
    inside = file.rename(tmp_path / 'folder' / 'epoch_1.pth')
    said = infer(config, inside if named == 'file' else tmp_path / 'folder', 'a.png')
    assert said.startswith('Error: ') and 'holds more than weights' in said
    assert not loot.exists() and not (tmp_path / 'outputs').exists()


def test_a_process_of_its_own(tmp_path: Path) -> None:
    """Breaks when the tool works only because the tests have imported more than it, or a
    bad file is not listed."""
    write_task('classification', tmp_path / 'run')
    write_picture(tmp_path / 'photos/a.png')
    (tmp_path / 'photos/b.png').write_bytes(b'nothing')
    result = subprocess.run(
        [sys.executable, str(REPO / 'tools' / 'infer.py'), 'run', 'run', 'photos'],
        cwd=tmp_path,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)},
        text=True,
        capture_output=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert '1 of 2 images could not be read and were skipped:' in result.stdout
    assert 'photos/b.png (holds no image)' in result.stdout
    assert (tmp_path / 'outputs/vis/a.png').is_file()


def test_a_config_of_pre_training(infer) -> None:
    """Breaks when a model that predicts nothing is tried."""
    config = 'configs/playground/mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'
    assert 'is for no task that predicts' in infer(REPO / config, 'nowhere.pth', 'a.png')
