"""Layer decay: every parameter's rate and weight decay, and the groups."""

import copy
import random

import pytest
import torch
from mmengine.model import MMDistributedDataParallel, MMSeparateDistributedDataParallel
from mmengine.optim import build_optim_wrapper
from torch import nn

from mim_secrets.models import ViT
from tests.engine.layer_decay_models import (
    ARCH,
    DECAY,
    ENCODERS,
    FINETUNING,
    LAYERS,
    LR,
    OURS,
    PARAMWISE,
    RATE,
    classifier,
    settings,
    wrapper_for,
)


def test_groups_are_few_complete_and_in_order_of_depth() -> None:
    """Breaks when each parameter has a group of its own, a group does not say what is
    in it, or the order follows names or a hash."""
    model = classifier('ViT')
    groups = wrapper_for(model, FINETUNING).optimizer.param_groups  # a decayed token is first
    pairs = [(group['lr'], group['weight_decay']) for group in groups]
    assert len(groups) == 2 * (LAYERS + 2) and pairs == sorted(set(pairs))
    by_name = dict(model.named_parameters())
    order = list(by_name)
    for group in groups:
        assert all(by_name[n] is p for n, p in zip(group['param_names'], group['params']))
        assert group['param_names'] == sorted(group['param_names'], key=order.index)
    assert len(wrapper_for(model, None).optimizer.param_groups) == 1
    groups = wrapper_for(model, dict(norm_decay_mult=0.0)).optimizer.param_groups
    assert [group['weight_decay'] for group in groups] == [DECAY, 0.0]


def test_a_custom_key_sets_rate_and_decay() -> None:
    """Breaks when lr_mult is ignored as by mmpretrain, a shorter key or a later one of
    the same length wins, or an option for norms still applies to what a key names."""
    custom = {
        'backbone.layers.0': dict(lr_mult=0.5),
        'backbone.layers.0.ln1': dict(decay_mult=3.0),
        'ln1.weig': dict(lr_mult=7.0),
        'backbone.layers.1.ffn': dict(lr_mult=0.0, decay_mult=2.0),
    }
    model = classifier('ViT')
    found = settings(model, wrapper_for(model, dict(FINETUNING, custom_keys=custom)))
    plain = settings(model, wrapper_for(model, FINETUNING))
    for name, (lr, decay) in found.items():
        if name.startswith('backbone.layers.0.ln1'):
            expected = (plain[name][0], 3 * DECAY)
        elif name.startswith('backbone.layers.0.'):
            expected = (0.5 * plain[name][0], DECAY)
        elif name.endswith('ln1.weight'):
            expected = (7 * plain[name][0], DECAY)
        elif name.startswith('backbone.layers.1.ffn'):
            expected = (0.0, 2 * DECAY)
        else:
            expected = plain[name]
        assert (lr, decay) == pytest.approx(expected), name
    both = {'ab': dict(lr_mult=2.0), 'ac': dict(lr_mult=3.0)}
    single = nn.Module()
    single.backbone = ViT(ARCH, img_size=32, patch_size=8)
    single.acab = nn.Parameter(torch.zeros(2))
    for keys in (both, dict(reversed(both.items()))):
        assert settings(single, wrapper_for(single, dict(custom_keys=keys)))['acab'][0] == 2 * LR


def test_groups_do_not_depend_on_the_order_of_keys() -> None:
    """Breaks when a resumed optimizer gives its state to other parameters because the
    config was written in another order."""
    paramwise = PARAMWISE['every option']
    keys = list(paramwise['custom_keys'])
    reference = wrapper_for(classifier('ViT'), paramwise)
    model = classifier('ViT')
    trained = wrapper_for(model, paramwise)
    trained.update_params(sum(p.square().sum() for p in model.parameters()))
    for seed in range(3):
        random.Random(seed).shuffle(keys)
        shuffled = {k: paramwise['custom_keys'][k] for k in keys}
        again_model = copy.deepcopy(model)
        again = wrapper_for(again_model, dict(reversed(paramwise.items()), custom_keys=shuffled))
        names = [group['param_names'] for group in again.optimizer.param_groups]
        assert names == [group['param_names'] for group in reference.optimizer.param_groups]
        again.load_state_dict(trained.state_dict())
        for one, other in zip(model.parameters(), again_model.parameters()):
            averages = [w.optimizer.state[p] for w, p in ((trained, one), (again, other))]
            assert torch.equal(averages[0]['exp_avg'], averages[1]['exp_avg'])


def test_frozen_and_tied_parameters() -> None:
    """Breaks when a frozen parameter is in a group, or a tied one in two."""
    model = classifier(dict(ENCODERS['ViT'], frozen_stages=1, position='sincos'))
    model.head.second = nn.Linear(8, 2)
    model.head.second.weight = model.backbone.layers[2].ffn.layers[1].weight
    found = settings(model, wrapper_for(model, FINETUNING))
    assert found.keys() == {n for n, p in model.named_parameters() if p.requires_grad}
    assert not any(n.startswith(('backbone.layers.0.', 'backbone.pos')) for n in found)
    assert found['backbone.layers.2.ffn.layers.1.weight'][0] == pytest.approx(LR * RATE)


@pytest.fixture
def one_process():
    torch.distributed.init_process_group(
        'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize('wrap', [MMDistributedDataParallel, MMSeparateDistributedDataParallel])
def test_wrappers_do_not_show(wrap, one_process) -> None:
    """Breaks when the name of a parameter starts with that of a wrapper, so that the
    whole encoder would learn as the head does."""
    model = classifier('ViT')
    plain = wrapper_for(model, FINETUNING).optimizer.param_groups
    wrapped = wrapper_for(wrap(model), FINETUNING).optimizer.param_groups
    for one, other in zip(plain, wrapped, strict=True):
        assert one['param_names'] == other['param_names'] and one['lr'] == other['lr']


def without_backbone() -> nn.Module:
    return nn.Linear(2, 2)


def without_depths() -> nn.Module:
    model = nn.Module()
    model.backbone = nn.Linear(2, 2)
    return model


@pytest.mark.parametrize(
    ('build', 'paramwise', 'message'),
    [
        (without_backbone, {}, 'Linear has no backbone.*remove `constructor`'),
        (without_depths, {}, 'the backbone Linear has no get_layer_depth.*mim_secrets.ViT'),
        (lambda: classifier('ViT'), dict(merging_counts=True), 'ViT cannot count patch mergings'),
        (without_depths, dict(decay_rate=0.5), 'does not know decay_rate; it knows layer_decay_r'),
        (without_depths, dict(layer_decay_rate=75), 'layer_decay_rate is 75.*such as 0.75'),
        (
            without_depths,
            dict(custom_keys=dict(bias=dict(decay_multi=0))),
            r"custom_keys\['bias'\]: .* does not know decay_multi; it knows lr_mult, decay_mult",
        ),
        (
            without_depths,
            dict(custom_keys=dict(bias=0.0)),
            '0.0 is no dict',
        ),
    ],
)
def test_mistakes_end_in_one_sentence(build, paramwise: dict, message: str) -> None:
    """Breaks when an option is silently ignored, or an error does not say what to do."""
    with pytest.raises(ValueError, match=message):
        wrapper_for(build(), paramwise)


@pytest.mark.parametrize(
    ('optimizer', 'message'),
    [
        (dict(type='AdamW'), 'multiplies the learning rate.*optimizer.lr'),
        (dict(type='SGD', lr=0.1), 'multiplies the weight decay.*optimizer.weight_decay'),
    ],
)
def test_what_is_multiplied_must_be_there(optimizer: dict, message: str) -> None:
    """Breaks when None is multiplied, or an option quietly has nothing to act on."""
    cfg = dict(optimizer=optimizer, constructor=OURS, paramwise_cfg=FINETUNING)
    with pytest.raises(ValueError, match=message):
        build_optim_wrapper(classifier('ViT'), cfg)
