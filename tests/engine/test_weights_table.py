"""The table of where weights came from, and the console that shows it."""

import logging
from pathlib import Path

import pytest
import torch

from mim_secrets.checkpoint.layouts import from_ours, layout_named
from mim_secrets.engine import WeightsTableHook
from mim_secrets.engine.runner import worth_reading
from tests.tiny_run import MODEL, runner, training, write_images

HOOK = [dict(type='mim_secrets.WeightsTableHook')]


def log_of(work_dir: Path) -> str:
    return next(work_dir.glob('*/*.log')).read_text()


def trained(tmp_path: Path, name: str, **options):
    images = tmp_path / 'images'
    if not images.exists():
        write_images(images)
    run = runner(
        tmp_path / name,
        custom_hooks=HOOK,
        log_level='INFO',
        **training(images, epochs=1),
        **options,
    )
    run.train()
    return run


def test_initialisation_is_one_table(tmp_path: Path) -> None:
    """Breaks when mmengine's two lines per parameter come back, or when a part or
    the number of its parameters is wrong."""
    run = trained(tmp_path, 'first')
    log = log_of(tmp_path / 'first')
    assert 'Initialization information' not in log
    table = log[log.index('Initialised') :].splitlines()[1:]
    layers = sum(p.numel() for p in run.model.backbone.layers.parameters())
    row = next(line for line in table if 'backbone.layers' in line)
    assert f'{layers:,}' in row and 'TransformerEncoderLayer.init_weights' in row
    everything = sum(p.numel() for p in run.model.parameters())
    assert any(line.split() == ['all', f'{everything:,}'] for line in table)


@pytest.mark.slow
def test_what_a_checkpoint_filled_is_said(tmp_path: Path) -> None:
    """Breaks when a loaded run does not say what was loaded and what was left."""
    first = trained(tmp_path, 'first')
    state = first.model.state_dict()
    state['head.fc.weight'] = torch.zeros(3)
    theirs = from_ours(state, layout_named('mmpretrain', 'vit')).tensors
    torch.save(dict(state_dict=theirs), tmp_path / 'a.pth')
    trained(tmp_path, 'second', load_from=str(tmp_path / 'a.pth'))
    log = log_of(tmp_path / 'second')
    assert 'Loaded' in log
    assert 'in the checkpoint but not used: head.fc.weight' in log


@pytest.mark.parametrize('damage', ['shape', 'nothing fits'])
@pytest.mark.slow
def test_a_checkpoint_that_does_not_fit_is_refused(tmp_path: Path, damage: str) -> None:
    """Breaks when mmengine's non-strict loading passes over a wrong tensor."""
    state = trained(tmp_path, 'first').model.state_dict()
    if damage == 'shape':
        state['neck.decoder_embed.weight'] = torch.zeros(8, 8)
    else:
        state = {'other.' + name: tensor for name, tensor in state.items()}
    torch.save(dict(state_dict=state), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='The checkpoint does not fit: '):
        trained(tmp_path, damage, load_from=str(tmp_path / 'a.pth'))


def test_the_hook_patches_no_class(tmp_path: Path) -> None:
    """Breaks when other models of the process lose mmengine's own listing."""
    trained(tmp_path, 'first')
    from mmengine.model import BaseModule

    assert BaseModule._dump_init_info.__module__ != WeightsTableHook.__module__
    assert MODEL['type'] == 'mim_secrets.MAE'


@pytest.mark.parametrize(
    ('message', 'shown'),
    [
        ('Config:\nmodel = dict()', False),
        ('paramwise_options -- backbone.ln1.bias:lr=0.1', False),
        ('\n' + '-' * 60 + '\nSystem environment:', False),
        ('Epoch(train) [1][10/20]  loss: 0.5', True),
        ('Initialised\n  part', True),
    ],
)
def test_the_console_leaves_out_what_nobody_reads(message: str, shown: bool) -> None:
    """Breaks when the first loss scrolls away again, or a loss is left out."""
    record = logging.LogRecord('x', logging.INFO, '', 0, message, None, None)
    assert worth_reading(record) is shown
