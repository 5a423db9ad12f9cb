"""The cures of ``compat``: each with the symptom it is for."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.logging import HistoryBuffer, MessageHub

from mim_secrets import compat


class Attack:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.target),)


class GetattrAttack:
    """From an allowed class by ``getattr`` to a function and on to all its globals."""

    def __reduce__(self) -> tuple:
        return getattr, (HistoryBuffer, '__init__')


def history() -> dict:
    hub = MessageHub('history')
    for step in range(3):
        hub.update_scalar('train/loss', 1.0 / (step + 1))
    hub.update_info('iter', np.int64(3))
    return hub.state_dict()


def test_what_mmengine_writes_is_read_weights_only(tmp_path: Path) -> None:
    """Breaks when resuming fails on torch >= 2.6 with `Weights only load failed`."""
    numbers = dict(lr=np.float64(0.1), loss=np.float32(0.5), best=np.bool_(True))
    torch.save(dict(message_hub=history(), **numbers), tmp_path / 'a.pth')
    loaded = torch.load(tmp_path / 'a.pth', weights_only=True)
    buffer = loaded['message_hub']['log_scalars']['train/loss']
    assert isinstance(buffer, HistoryBuffer)
    assert buffer.statistics('min') == pytest.approx(1 / 3)
    assert loaded['lr'] == 0.1


@pytest.mark.parametrize('attack', ['call', 'getattr'])
def test_anything_else_is_still_refused(tmp_path: Path, attack: str) -> None:
    """Breaks when the allowances open a door: a function of another module, or
    an attribute of anything but HistoryBuffer."""
    content = Attack(tmp_path / 'loot') if attack == 'call' else GetattrAttack()
    torch.save(dict(extra=content), tmp_path / 'a.pth')
    with pytest.raises(pickle.UnpicklingError):
        torch.load(tmp_path / 'a.pth', weights_only=True)
    assert not (tmp_path / 'loot').exists()


def test_configs_can_inherit_from_ours(tmp_path: Path) -> None:
    """Breaks when `_base_ = 'mim_secrets::...'` is not known to mmengine."""
    config = tmp_path / 'mine.py'
    base = 'mim_secrets::mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py'
    config.write_text(f"_base_ = '{base}'\nwork_dir = 'elsewhere'\n")
    cfg = Config.fromfile(config)
    assert cfg.model.type == 'MFF'
    assert cfg.work_dir == 'elsewhere'


@pytest.mark.slow
def test_torchvision_imports_after_us() -> None:
    """Breaks when torchvision beside another build of torch fails with `operator
    torchvision::nms does not exist`; a fresh process, since imports stay."""
    code = 'import mim_secrets, torchvision; print(torchvision.__version__)'
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith('0.')


def test_cures_can_be_applied_again() -> None:
    """Breaks when a second import path would declare an operator twice."""
    schemas = compat._torchvision_schemas
    compat.apply()
    assert compat._torchvision_schemas is schemas
    assert MODULE2PACKAGE['mim_secrets'] == 'mim_secrets'


@pytest.mark.slow
def test_reading_a_config_is_quiet() -> None:
    """Breaks when every base of another library prints that mmengine is out of date."""
    code = (
        'import mim_secrets; from mmengine.config import Config; '
        'Config.fromfile("configs/_base_/mmdet_runtime.py")'
    )
    root = Path(__file__).parents[1]
    command = [sys.executable, '-c', code]
    run = subprocess.run(command, capture_output=True, text=True, cwd=root, check=True)
    assert run.stderr == ''


@pytest.mark.slow
def test_nothing_is_declared_where_nothing_is_missing() -> None:
    """Breaks when operators are declared although no torchvision would use them."""
    code = (
        "import sys; sys.modules['torchvision'] = None\n"
        'import torch\n'
        'from mim_secrets import compat\n'
        "print(compat._torchvision_schemas, hasattr(torch.ops.torchvision, 'nms'))"
    )
    result = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, check=False
    )
    assert result.stdout.split() == ['None', 'False'], result.stderr
