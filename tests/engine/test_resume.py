"""Runs that are killed and go on, and runs on two processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

from mim_secrets.checkpoint.reading import read_checkpoint
from tests.conftest import CONFIGS, REPO

CONFIG = CONFIGS / 'mff_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'
SMALL = ['train_cfg.max_epochs=3', 'default_hooks.logger.interval=2', 'custom_hooks.2.interval=9']


def train_command(work_dir: Path, *flags: str) -> list[str]:
    return [
        sys.executable, str(REPO / 'tools' / 'train.py'), str(CONFIG),
        '--work-dir', str(work_dir), *flags, '--cfg-options', *SMALL,
    ]  # fmt: skip


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_same_weights(run_tool, tmp_path: Path) -> None:
    """Breaks when anything random or learnt is not found again at the end of an
    epoch: masks, crops, order, dropout, moments of the optimizer, rate."""
    whole = run_tool('train.py', *train_command(tmp_path / 'whole')[2:])
    assert whole.returncode == 0, whole.stdout[-2000:]

    killed = subprocess.Popen(
        train_command(tmp_path / 'killed'),
        cwd=tmp_path,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pointer = tmp_path / 'killed' / 'last_checkpoint'
    deadline = time.monotonic() + 240
    while not pointer.exists() and killed.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert pointer.read_text().endswith('epoch_1.pth'), 'killed too late to tell'

    resumed = run_tool('train.py', *train_command(tmp_path / 'killed', '--resume')[2:])
    assert resumed.returncode == 0, resumed.stdout[-2000:]
    assert 'resumed epoch: 1' in resumed.stdout
    expected = read_checkpoint(tmp_path / 'whole' / 'epoch_3.pth')
    actual = read_checkpoint(tmp_path / 'killed' / 'epoch_3.pth')
    assert expected.keys() == actual.keys()
    for name, tensor in expected.items():
        assert torch.equal(actual[name], tensor), name


class Numbers(torch.utils.data.Dataset):
    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, torch.Tensor]:
        return dict(inputs=torch.full((16,), float(index)))


class Dropped(BaseModel):
    """Learns, through dropout, whatever the global generator says."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(16, 16)

    def forward(self, inputs: list[torch.Tensor], mode: str) -> dict[str, torch.Tensor]:
        numbers = self.layer(torch.stack(inputs))
        return dict(loss=torch.nn.functional.dropout(numbers).square().mean())


def train_dropped(work_dir: Path, epochs: int, resume: bool) -> torch.Tensor:
    loader = dict(
        dataset=Numbers(),
        batch_size=4,
        num_workers=1,
        persistent_workers=True,
        sampler=dict(type='DefaultSampler', shuffle=True),
    )
    torch.manual_seed(0)
    runner = Runner(
        Dropped(),
        str(work_dir),
        train_dataloader=loader,
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.1)),
        custom_hooks=[dict(type='mim_secrets.ResumableRandomnessHook')],
        randomness=dict(seed=3),
        resume=resume,
        log_level='ERROR',
        experiment_name=f'{work_dir.name}-{epochs}-{resume}',
    )
    return runner.train().layer.weight.detach().clone()


@pytest.mark.slow
def test_workers_that_stay_draw_nothing_from_training(tmp_path: Path) -> None:
    """Breaks when the loader's iterator, which a resumed run makes anew and a running
    one keeps, moves the generator that dropout and drop path draw from."""
    expected = train_dropped(tmp_path / 'whole', epochs=3, resume=False)
    train_dropped(tmp_path / 'stopped', epochs=1, resume=False)
    actual = train_dropped(tmp_path / 'stopped', epochs=3, resume=True)
    assert torch.equal(actual, expected)


TWO_RANKS = """
import sys, torch, torch.distributed as dist
import mim_secrets
from mim_secrets.apis.launch import build_runner
from mmengine.config import Config

cfg = Config.fromfile(sys.argv[1])
cfg.merge_from_dict({
    'work_dir': sys.argv[2], 'launcher': 'pytorch', 'train_cfg.max_epochs': 1,
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
})
runner = build_runner(cfg)
runner.train()
weights = torch.cat([p.detach().flatten() for p in runner.model.parameters()])
everybody = [torch.zeros_like(weights) for _ in range(2)]
dist.all_gather(everybody, weights)
first_masks = runner.model.module.masking(2, (8, 8), torch.device('cpu')).visible
masks = [torch.zeros_like(first_masks) for _ in range(2)]
dist.all_gather(masks, first_masks)
if dist.get_rank() == 0:
    print('EQUAL WEIGHTS', torch.equal(*everybody), 'OTHER MASKS', not torch.equal(*masks))
"""


@pytest.mark.slow
def test_two_processes_end_with_equal_weights(tiny_world, tmp_path: Path) -> None:
    """Breaks when a parameter is not used (DDP stops), gradients are not averaged,
    or both ranks draw the same masks."""
    (tmp_path / 'data').mkdir()
    (tmp_path / 'data' / 'playground').symlink_to(tiny_world)
    (tmp_path / 'two_ranks.py').write_text(TWO_RANKS)
    result = subprocess.run(
        [
            sys.executable, '-m', 'torch.distributed.run', '--standalone',
            '--nproc_per_node=2', 'two_ranks.py', str(CONFIG), str(tmp_path / 'work'),
        ],
        cwd=tmp_path,
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPO)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert 'EQUAL WEIGHTS True OTHER MASKS True' in result.stdout, result.stderr[-3000:]
