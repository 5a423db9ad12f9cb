"""tools/infer.py with a tracker, as a user runs it."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS

import mim_secrets.models.tracking  # noqa: F401  registers what TRACKER names
from tests.apis.films import BOX, TRACKER, as_folder, decoded, film, rows_of
from tests.apis.tasks import write_task
from tests.conftest import REPO

pytestmark = pytest.mark.slow  # they start processes and write files


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a run leaves behind."""
    folder = tmp_path / 'run'
    folder.mkdir()
    imports = dict(imports=['mim_secrets', 'mim_secrets.models.tracking'])
    (folder / 'tracker.py').write_text(f'custom_imports = {imports}\nmodel = {TRACKER}\n')
    torch.save(dict(state_dict=MODELS.build(TRACKER).state_dict()), folder / 'epoch_1.pth')
    return folder


def command(run: Path, *arguments: object) -> list[str]:
    tool = str(REPO / 'tools' / 'infer.py')
    return [sys.executable, tool, str(run), str(run), *map(str, arguments), '--device', 'cpu']


def environment() -> dict[str, str]:
    return {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)}


def test_it_says_how_far_and_how_fast(run: Path, tmp_path: Path) -> None:
    """Breaks when the tool works only where the tests have imported more than it, or when
    files or speeds are not told."""
    folder = as_folder(tmp_path / 'clip', film(5))
    folder.rename(tmp_path / '0')  # which is a camera only where no file is called so
    done = subprocess.run(
        command(run, '0', '--box', *BOX), cwd=tmp_path, env=environment(), text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '5 frames are done: outputs/preds/0.csv and outputs/vis/0.mp4' in done.stdout
    speeds = re.search(r'([\d.]+) frames per second of the tracker alone, ([\d.]+)', done.stdout)
    assert float(speeds[1]) > float(speeds[2]) > 0
    assert len(rows_of(tmp_path / 'outputs/preds/0.csv')) == 5


def test_ctrl_c(run: Path, tmp_path: Path) -> None:
    """Breaks when Ctrl-C loses frames, leaves a video that does not open, or passes for
    success."""
    folder = as_folder(tmp_path / 'clip', film(3000, (48, 64)))
    table = tmp_path / 'out/preds/clip.csv'
    process = subprocess.Popen(
        command(run, folder, '--box', *BOX, '--out-dir', 'out'), cwd=tmp_path, env=environment(),
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    while process.poll() is None and not (table.exists() and len(rows_of(table)) > 9):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate()
    assert process.returncode == 1
    assert complained.strip().endswith('Not all frames are done: Interrupted.')
    rows, pictures = rows_of(table), decoded(tmp_path / 'out/vis/clip.mp4')
    assert f'{len(rows)} frames are done' in said
    assert 9 < len(rows) == len(pictures) < 3000


def test_a_bad_frame_is_no_success(run: Path, tmp_path: Path, tool: Callable) -> None:
    """Breaks when a script cannot tell that a video was not followed to its end."""
    folder = as_folder(tmp_path / 'clip', film(5))
    (folder / '3.png').write_bytes(b'nothing')
    with pytest.raises(SystemExit) as end:
        tool('infer.py', run, run, folder, '--box', *BOX, '--device', 'cpu')
    assert re.match(r'Not all frames are done: frame 4 of 5, .*3\.png', str(end.value))
    assert len(rows_of(tmp_path / 'outputs/preds/clip.csv')) == 3


def test_wrong_calls(run: Path, tmp_path: Path, tool: Callable) -> None:
    """Breaks when one box is taken for the first frames of several videos, or a mistake
    leaves files."""
    folder = as_folder(tmp_path / 'clip', film(2))
    for arguments, sentence in (
        ((folder, folder, '--box', *BOX), 'there are 2 inputs'),
        ((folder,), '--box X Y WIDTH HEIGHT'),
        ((folder, '--box', -50, 0, 20, 20), 'lies outside the frame of 96 x 72 pixels'),
    ):
        with pytest.raises(ValueError, match=sentence):
            tool('infer.py', run, run, *arguments, '--device', 'cpu')
    write_task('classification', tmp_path / 'classifier')
    with pytest.raises(ValueError, match='--box is for trackers'):
        tool('infer.py', 'classifier', 'classifier', folder, '--box', *BOX, '--device', 'cpu')
    assert not (tmp_path / 'outputs').exists()
