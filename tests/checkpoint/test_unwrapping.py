"""What is unwrapped: which of the dictionaries in a file are the weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.hooks import EMAHook
from mmengine.logging import MMLogger
from mmengine.model import ExponentialMovingAverage
from torch import nn

from mim_secrets.checkpoint import reading
from mim_secrets.checkpoint.reading import read_checkpoint, unwrap, unwrap_with_path

WEIGHTS = {'backbone.cls_token': torch.arange(3.0)}
OTHERS = {'backbone.cls_token': torch.zeros(3)}

WRAPPINGS = {
    '': WEIGHTS,
    'state_dict': dict(state_dict=WEIGHTS, meta=dict(epoch=3)),
    'model': dict(model=WEIGHTS, optimizer=dict(lr=1.0)),
    'model.state_dict': dict(model=dict(state_dict=WEIGHTS)),
    'module': dict(module=WEIGHTS, student=1),
    'student': dict(student=WEIGHTS, teacher={}),
    'state_dict_ema': dict(state_dict=OTHERS, state_dict_ema=WEIGHTS),
    'model_ema': dict(model=OTHERS, model_ema=WEIGHTS, model_ema_best=OTHERS),
    'ema.module': dict(model=OTHERS, ema=dict(module=WEIGHTS, updates=5)),
    'model.state_dict_ema': dict(model=dict(state_dict_ema=WEIGHTS, state_dict=OTHERS)),
    'teacher': dict(student=OTHERS, teacher=WEIGHTS),
    'ema_state_dict': dict(state_dict={}, ema_state_dict=WEIGHTS),
}


@pytest.mark.parametrize('where', WRAPPINGS)
def test_wrapped_weights_are_found(tmp_path: Path, where: str) -> None:
    """Breaks when one of the usual wrappings is not opened, or when the raw copy
    of a model is taken where there is an averaged one."""
    torch.save(WRAPPINGS[where], tmp_path / 'a.pth')
    tensors = read_checkpoint(tmp_path / 'a.pth')
    assert list(tensors) == ['backbone.cls_token']
    assert torch.equal(tensors['backbone.cls_token'], torch.arange(3.0))
    assert unwrap_with_path(WRAPPINGS[where])[1] == where


def test_an_averaged_copy_is_announced(tmp_path: Path, monkeypatch) -> None:
    """Breaks when somebody compares raw with averaged weights without knowing it."""
    said = []
    monkeypatch.setattr(MMLogger.get_current_instance(), 'handle', said.append)
    for where in ('ema.module', 'state_dict'):
        torch.save(WRAPPINGS[where], tmp_path / f'{where}.pth')
        read_checkpoint(tmp_path / f'{where}.pth')
    expected = f'{tmp_path}/ema.module.pth: the averaged weights are used (ema.module).'
    assert [record.getMessage() for record in said] == [expected]


def test_mmengine_keeps_the_average_under_the_plain_name() -> None:
    """Breaks when EMAHook's `ema_state_dict`, which holds the raw weights, is taken
    for the average because of its name."""
    model = nn.Linear(1, 1, bias=False)
    hook = EMAHook()
    hook.ema_model = ExponentialMovingAverage(model)
    with torch.no_grad():
        hook.ema_model.module.weight.fill_(7)
        model.weight.fill_(1)
    checkpoint = dict(state_dict=model.state_dict())
    hook.before_save_checkpoint(None, checkpoint)
    assert unwrap(checkpoint)['weight'].item() == 7


def test_traps_end() -> None:
    """Breaks when a dictionary that holds itself, or a tower of them, is followed
    for ever."""
    trap = dict(epoch=1)
    for key in reading.WRAPPERS:
        trap[key] = trap
    assert unwrap(trap) == {}
    tower = WEIGHTS
    for _ in range(5000):
        tower = dict(model=tower)
    assert unwrap(tower) == {}
    while tower is not WEIGHTS:  # taken down by hand: Python would do it recursively
        tower = tower['model']


def test_numpy_arrays_are_weights_too() -> None:
    """Breaks when a file of detectron2 comes out empty."""
    content = dict(model=dict(w=np.arange(3.0), names=np.array(['a', 'b'], dtype=object)))
    tensors = unwrap(content)
    assert list(tensors) == ['w']
    assert torch.equal(tensors['w'], torch.arange(3.0, dtype=torch.float64))
