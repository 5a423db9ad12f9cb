"""tools/train.py and tools/test.py as a user runs them."""

import argparse
import json
import re
from pathlib import Path

import pytest
import torch

from tests.conftest import CONFIGS

MAE = CONFIGS / 'mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'
MFF = CONFIGS / 'mff_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'
FINETUNE = CONFIGS / 'vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'
SHORT = ['--cfg-options', 'train_cfg.max_epochs=1', 'default_hooks.logger.interval=2']


@pytest.mark.slow
def test_the_road_from_pretraining_to_a_number(run_tool, tmp_path: Path) -> None:
    """Breaks when a link of the chain does not take what the one before wrote:
    pre-train, probe, fine-tune from the work directory, test."""
    pretrain = run_tool('train.py', MFF, '--work-dir', 'mff', *SHORT)
    assert pretrain.returncode == 0, pretrain.stdout[-2000:]
    lines = pretrain.stdout.splitlines()
    first_loss = next(i for i, line in enumerate(lines) if ' loss: ' in line)
    assert first_loss < 40, 'the first loss does not stand on the first screen'
    assert 'fusion_level_05' in lines[first_loss]
    scalars = next(tmp_path.glob('mff/*/vis_data/scalars.json')).read_text().splitlines()
    assert {'loss', 'fusion_level_00', 'pixel_std'} <= json.loads(scalars[0]).keys()
    assert list(tmp_path.glob('mff/*/vis_data/events.out.tfevents*')), 'no TensorBoard'
    assert list(tmp_path.glob('mff/*/vis_data/vis_image/reconstruction_*.png'))

    probe = run_tool('test.py', MFF, 'mff', '--work-dir', 'probe')
    assert probe.returncode == 0, probe.stdout[-2000:]
    metrics = json.loads(next(tmp_path.glob('probe/*/*.json')).read_text())
    assert metrics.keys() >= {'probe/knn_top1', 'probe/linear_top1'}

    start = ['--pretrained', 'mff']
    finetune = run_tool('train.py', FINETUNE, '--work-dir', 'fine', *start, *SHORT)
    assert finetune.returncode == 0, finetune.stdout[-2000:]
    assert 'mff/epoch_1.pth, mim_secrets names of a vit under backbone.' in finetune.stdout
    layers = next(line for line in finetune.stdout.splitlines() if 'backbone.layers' in line)
    assert layers.split()[-1] == 'mff', 'the table does not say what was loaded'

    draw = ['--show-dir', 'pictures']
    test = run_tool('test.py', FINETUNE, 'fine', '--work-dir', 'tested', *draw)
    assert test.returncode == 0, test.stdout[-2000:]
    assert 'accuracy/top1' in test.stdout
    assert len(list(tmp_path.glob('pictures/*/*.png'))) == 200


@pytest.mark.slow
def test_a_fresh_model_is_a_baseline(run_tool) -> None:
    """Breaks when 'none' loads something, or leaves the model as constructed."""
    result = run_tool('test.py', MAE, 'none', '--work-dir', 'probe')
    assert result.returncode == 0, result.stdout[-2000:]
    assert 'probe/linear_top1' in result.stdout


def wrong_checkpoints(tmp_path: Path) -> None:
    torch.save({'state_dict': {'head.fc.weight': torch.zeros(2)}}, tmp_path / 'wrong.pth')
    torch.save(dict(args=argparse.Namespace(lr=1)), tmp_path / 'more.pth')
    (tmp_path / 'half.pth').write_bytes((tmp_path / 'wrong.pth').read_bytes()[:400])


MISTAKES = {
    'no such config': (['train.py', 'nowhere.py'], 'There is no config at nowhere.py'),
    'no data': (
        ['train.py', MAE, '--cfg-options', 'train_dataloader.dataset.data_root=gone/playground'],
        'The data folder gone/playground of train_dataloader does not exist; .*make_playground',
    ),
    'unknown key': (
        ['train.py', MAE, '--cfg-options', 'model.masking.rato=0.5'],
        "RandomMasking does not know the key 'rato' of its config; it knows ratio",
    ),
    'class count': (
        ['train.py', FINETUNE, '--cfg-options', 'model.head.num_classes=7']
        + ['model.backbone.init_cfg=None'],
        'The head has 7 classes but the data of train_dataloader has 10 .*num_classes=10',
    ),
    'no checkpoint named': (
        ['train.py', FINETUNE],
        'SharedCheckpoint: no checkpoint is named; pass --pretrained FILE',
    ),
    'checkpoint of something else': (
        ['train.py', FINETUNE, '--cfg-options'] + ['model.backbone.init_cfg.checkpoint=wrong.pth'],
        'wrong.pth: The file holds no encoder of a known layout',
    ),
    'resume from half a file': (
        ['train.py', MAE, '--resume', 'half.pth'],
        'half.pth is truncated or no checkpoint',
    ),
    'start from more than weights': (
        ['train.py', MAE, '--cfg-options', 'load_from=more.pth'],
        r'more.pth holds more than weights \(it asks for argparse.Namespace\)',
    ),
    'checkpoint missing': (
        ['test.py', MAE, 'gone.pth'],
        'There is no checkpoint at gone.pth',
    ),
    'checkpoint does not fit': (
        ['test.py', MAE, 'wrong.pth'],
        'The checkpoint does not fit: it lacks',
    ),
    'levels': (
        ['train.py', MFF, '--cfg-options', 'model.fusion.levels=[0,3]'],
        'MultiLevelFusion: levels are \\[0, 3\\], but they must be block numbers',
    ),
}


@pytest.mark.parametrize('mistake', MISTAKES, ids=lambda name: name.replace(' ', '-'))
@pytest.mark.slow
def test_a_mistake_ends_in_one_sentence(run_tool, tmp_path: Path, mistake: str) -> None:
    """Breaks when one of the usual mistakes ends in thirty frames, or in none of
    the words that say what to do."""
    wrong_checkpoints(tmp_path)
    arguments, message = MISTAKES[mistake]
    result = run_tool(*arguments)
    assert result.returncode == 1, result.stdout[-2000:]
    assert 'Traceback' not in result.stdout
    error = [line for line in result.stdout.splitlines() if line.startswith('Error: ')]
    assert len(error) == 1, result.stdout[-2000:]
    assert re.search(message, error[0]), error[0]


@pytest.mark.slow
def test_debug_shows_the_stack(run_tool) -> None:
    """Breaks when there is no way to see where an error was raised."""
    result = run_tool('train.py', 'nowhere.py', '--debug')
    assert 'Traceback' in result.stdout
    assert result.returncode == 1
