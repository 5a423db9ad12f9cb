"""Layer decay beside the constructors of MAE, mmpretrain, mmpose and mmseg."""

import pytest
from mmengine.registry import MODELS, PARAM_SCHEDULERS, DefaultScope
from torch import nn

from tests.config_models import BENCHMARKS, CONFIGS, built_on_meta, optimizer_of, read
from tests.engine.layer_decay_models import (
    DECAY,
    ENCODERS,
    FINETUNING,
    LAYERS,
    LR,
    MMPRETRAINS,
    OURS,
    PARAMWISE,
    RATE,
    TOKENS,
    classifier,
    settings,
    wrapper_for,
)
from tests.models.small import small_model

TENTH = 'playground/vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'
FINETUNED = [TENTH, *(name for name in BENCHMARKS if '-linear-' not in name)]


@pytest.mark.parametrize('paramwise', PARAMWISE)
@pytest.mark.parametrize('encoder', ENCODERS)
def test_every_parameter_learns_as_with_mmpretrain(encoder: str, paramwise: str) -> None:
    """Breaks when a depth, an option or which option goes first is not mmpretrain's,
    or a parameter is lost in grouping."""
    model = classifier(encoder)
    norms = [nn.BatchNorm2d(2), nn.SyncBatchNorm(2), nn.InstanceNorm1d(2, affine=True)]
    model.head.norms = nn.ModuleList([*norms, nn.GroupNorm(1, 2), nn.Conv2d(2, 2, 1)])
    ours = wrapper_for(model, PARAMWISE[paramwise])
    theirs = wrapper_for(model, PARAMWISE[paramwise], MMPRETRAINS)
    assert settings(model, ours) == settings(model, theirs)
    assert len(settings(model, ours)) == len(list(model.parameters()))


def test_swin_learns_as_mmpretrains_swin_with_mmpretrain() -> None:
    """Breaks when a block or a patch merging of ours lies at another depth."""
    ours, theirs = classifier('Swin'), classifier('mmpretrain Swin')
    expected = settings(theirs, wrapper_for(theirs, PARAMWISE['every option'], MMPRETRAINS))
    assert settings(ours, wrapper_for(ours, PARAMWISE['every option'])) == expected


def test_merging_counts_reaches_the_encoder() -> None:
    """Breaks when patch mergings of SwinV2 are no depths of their own, as they are in
    Dark Secrets' depth estimation."""
    depths = {'patch_embed': 0, 'stages.0.blocks.0': 1, 'stages.0.blocks.1': 2}
    depths.update({'stages.1.downsample': 3, 'stages.1.blocks.0': 4, 'stages.2.downsample': 5})
    depths.update({f'stages.2.blocks.{block}': 6 + block for block in range(3)})
    depths.update({'stages.3.downsample': 9, 'stages.3.blocks.0': 10, 'norm3': 11})
    model = classifier('SwinV2')
    wrapper = wrapper_for(model, dict(layer_decay_rate=RATE, merging_counts=True))
    found = {}
    for name, (lr, _) in settings(model, wrapper).items():
        within = name.removeprefix('backbone.')
        found[name] = next((depths[part] for part in depths if within.startswith(part)), 11)
        assert lr == pytest.approx(LR * RATE ** (11 - found[name]), rel=1e-12), name
    assert set(found.values()) == set(range(12))


@pytest.mark.slow
def test_configs_name_one_layer_decay() -> None:
    """Breaks when a config names another library's constructor, with its own depths."""
    named = {name: read(name).optim_wrapper.get('constructor') for name in CONFIGS}
    assert set(named.values()) == {None, OURS}
    assert all(named[name] == OURS for name in FINETUNED)


@pytest.mark.parametrize('name', FINETUNED)
@pytest.mark.slow
def test_configs_learn_as_with_mmpretrain(name: str) -> None:
    """Breaks when a config that was written for mmpretrain's constructor learns
    otherwise with ours, or goes back to a group for every parameter."""
    cfg = read(name)
    model = built_on_meta(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        ours = optimizer_of(cfg, model)
        cfg.optim_wrapper.constructor = MMPRETRAINS
        theirs = optimizer_of(cfg, model)
    assert settings(model, ours) == settings(model, theirs)
    _, depths = model.backbone.get_layer_depth('')
    assert len(ours.optimizer.param_groups) == 2 * depths


def mae_rate(name: str, layers: int) -> float:
    """The rate that MAE's fine-tuning gives a parameter of a ViT or behind it."""
    depth = layers + 1
    if name in ('backbone.cls_token', 'backbone.pos_embed') or '.patch_embed.' in name:
        depth = 0
    elif name.startswith('backbone.layers.'):
        depth = int(name.split('.')[2]) + 1
    return LR * RATE ** (layers + 1 - depth)


@pytest.mark.parametrize('kind', ['classifier', 'masked', 'detector', 'segmentor', 'estimator'])
def test_rates_are_those_of_mae_in_every_library(kind: str) -> None:
    """Breaks when the number of depths is not layers + 2, when the last norm, fusion,
    decoder, neck or head do not learn at the full rate, or when a library's scope
    hides the constructor."""
    builders = dict(
        classifier=lambda: classifier('ViT'),
        masked=lambda: small_model('MFF'),
        detector=detector,
        segmentor=lambda: segmentor(MAPS),
        estimator=lambda: estimator(MAPS),
    )
    scopes = dict(masked='mim_secrets', detector='mmdet', segmentor='mmseg', estimator='mmpose')
    model = builders[kind]()
    wrapper = wrapper_for(model, FINETUNING, scope=scopes.get(kind, 'mmpretrain'))
    found = settings(model, wrapper)
    assert found.keys() == {n for n, p in model.named_parameters() if p.requires_grad}
    assert any(name.startswith('backbone.ln1') for name in found)
    for name, (lr, _) in found.items():
        expected = mae_rate(name, model.backbone.num_layers)
        assert lr == pytest.approx(expected, rel=1e-12), name


MAPS = dict(ENCODERS['ViT'], out_type='featmap')
NO_DECAY = dict(
    layer_decay_rate=RATE, norm_decay_mult=0.0, bias_decay_mult=0.0, flat_decay_mult=0.0
)


def detector() -> nn.Module:
    cfg = dict(
        type='RetinaNet',
        backbone=MAPS,
        neck=dict(type='FPN', in_channels=[8], out_channels=8, num_outs=1),
        bbox_head=dict(
            type='RetinaHead',
            num_classes=2,
            in_channels=8,
            feat_channels=8,
            stacked_convs=1,
            anchor_generator=dict(type='AnchorGenerator', scales=[4], ratios=[1.0], strides=[8]),
            bbox_coder=dict(type='DeltaXYWHBBoxCoder'),
        ),
    )
    with DefaultScope.overwrite_default_scope('mmdet'):
        return MODELS.build(cfg)


def segmentor(backbone: dict) -> nn.Module:
    head = dict(type='FCNHead', in_channels=8, in_index=0, channels=8, num_convs=1, num_classes=2)
    head['norm_cfg'] = dict(type='BN')
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(dict(type='EncoderDecoder', backbone=backbone, decode_head=head))


def estimator(backbone: dict) -> nn.Module:
    head = dict(
        type='HeatmapHead',
        in_channels=8,
        out_channels=3,
        deconv_out_channels=[8],
        deconv_kernel_sizes=[4],
    )
    with DefaultScope.overwrite_default_scope('mmpose'):
        return MODELS.build(dict(type='TopdownPoseEstimator', backbone=backbone, head=head))


def differences(ours: dict, theirs: dict) -> dict[str, tuple]:
    """Name -> (ours, theirs), where they differ."""
    assert ours.keys() == theirs.keys()
    return {name: (ours[name], theirs[name]) for name in ours if ours[name] != theirs[name]}


@pytest.mark.parametrize('with_cls_token', [False, True])
def test_pose_estimators_learn_as_with_mmpose(with_cls_token: bool) -> None:
    """Breaks when our rates differ from those that ViTPose is trained with.

    Two differences are theirs: a class token, which ViTPose has not, is decayed,
    because only ``pos_embed`` and flat parameters are spared; and ``custom_keys``
    are ignored.
    """
    import mmpose.engine  # noqa: F401  its constructor is in no registry's locations

    backbone = dict(MAPS, with_cls_token=with_cls_token)
    model = estimator(backbone)
    theirs = settings(
        model,
        wrapper_for(
            model,
            dict(num_layers=LAYERS, layer_decay_rate=RATE, custom_keys={'head': dict(lr_mult=0)}),
            'LayerDecayOptimWrapperConstructor',
            'mmpose',
        ),
    )
    ours = settings(model, wrapper_for(model, dict(NO_DECAY, custom_keys=TOKENS), scope='mmpose'))
    stem = LR * RATE ** (LAYERS + 1)
    token = {'backbone.cls_token': ((stem, 0.0), (stem, DECAY))} if with_cls_token else {}
    assert differences(ours, theirs) == token

    keys = {**TOKENS, 'head': dict(lr_mult=0.5)}
    ours = settings(model, wrapper_for(model, dict(NO_DECAY, custom_keys=keys), scope='mmpose'))
    heads = {name for name in ours if name.startswith('head.')}
    assert differences(ours, theirs).keys() == heads | token.keys()
    assert all(ours[name] == (LR / 2, DECAY) for name in heads)


def test_segmentors_learn_as_with_mmseg() -> None:
    """Breaks when our rates differ from those that mmseg's MAE is trained with.

    The names are the same but for what mmseg's encoder has in addition. One
    difference is mmseg's: it means to spare class token and position embedding
    from decay, but looks for their names without ``backbone.`` and never finds them.
    """
    import mmseg.engine  # noqa: F401

    theirs_model = segmentor(
        dict(
            type='MAE',
            img_size=(32, 32),
            patch_size=8,
            embed_dims=8,
            num_layers=LAYERS,
            num_heads=2,
            mlp_ratio=2,
            out_indices=[LAYERS - 1],
            final_norm=True,
        )
    )
    theirs = settings(
        theirs_model,
        wrapper_for(
            theirs_model,
            dict(num_layers=LAYERS, decay_rate=RATE, decay_type='layer_wise'),
            'LearningRateDecayOptimizerConstructor',
            'mmseg',
        ),
    )
    model = segmentor(MAPS)
    ours = settings(model, wrapper_for(model, dict(NO_DECAY, custom_keys=TOKENS), scope='mmseg'))
    additional = {
        f'backbone.layers.{layer}.{name}'
        for layer in range(LAYERS)
        for name in ('gamma_1', 'gamma_2', 'attn.relative_position_bias_table')
    }
    assert theirs.keys() - ours.keys() == additional
    common = {name: theirs[name] for name in theirs if name not in additional}
    stem = LR * RATE ** (LAYERS + 1)
    assert differences(ours, common) == {
        'backbone.cls_token': ((stem, 0.0), (stem, DECAY)),
        'backbone.pos_embed': ((stem, 0.0), (stem, DECAY)),
    }


SCHEDULES = {
    'fine-tuning': [
        dict(type='LinearLR', start_factor=1e-4, end=1, convert_to_iter_based=True),
        dict(type='CosineAnnealingLR', begin=1, T_max=3, eta_min=1e-4, convert_to_iter_based=True),
    ],
    'by epoch': [
        dict(type='LinearLR', start_factor=0.1, end=2),
        dict(type='CosineAnnealingLR', begin=2, T_max=2, eta_min_ratio=0.01),
    ],
    'segmentation': [
        dict(type='LinearLR', start_factor=1e-6, by_epoch=False, end=3),
        dict(type='PolyLR', eta_min=1e-5, power=1.0, begin=3, end=16, by_epoch=False),
    ],
    'pose': [
        dict(type='LinearLR', start_factor=0.001, by_epoch=False, end=4),
        dict(type='MultiStepLR', milestones=[2, 3], gamma=0.1),
    ],
}


@pytest.mark.parametrize('schedule', SCHEDULES)
def test_schedules_move_groups_as_they_move_single_parameters(schedule: str) -> None:
    """Breaks when a schedule of mmengine's reaches a group otherwise than mmpretrain's
    groups of one, or the rate that is logged as base_lr."""
    epochs, length = 4, 4
    model = classifier('ViT')
    wrappers, schedulers = [], []
    for constructor in (OURS, MMPRETRAINS):
        wrappers.append(wrapper_for(model, PARAMWISE['fine-tuning'], constructor))
        for cfg in SCHEDULES[schedule]:
            iterations = dict(epoch_length=length) if 'convert_to_iter_based' in cfg else {}
            optimizer = dict(optimizer=wrappers[-1])
            schedulers.append(PARAM_SCHEDULERS.build({**cfg, **iterations}, default_args=optimizer))
    seen = set()
    for iteration in range(1, epochs * length + 1):
        one, other = (settings(model, wrapper) for wrapper in wrappers)
        assert one == other
        assert wrappers[0].get_lr()['base_lr'] == wrappers[1].get_lr()['base_lr']
        seen.add(one['head.fc.weight'][0])
        for wrapper in wrappers:
            wrapper.step()
        for scheduler in schedulers:
            if not scheduler.by_epoch or iteration % length == 0:
                scheduler.step()
    assert len(seen) >= 3
