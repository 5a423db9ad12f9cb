"""Configs of pose are what their names and recipes say."""

import re
from collections import Counter
from functools import cache

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.registry import DATASETS, MODELS, WEIGHT_INITIALIZERS, DefaultScope
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample

from tests.checkpoint.houses import SAMPLES
from tests.config_models import EVERYTHING, read

pytestmark = pytest.mark.slow  # dozens of configs, each of many files

POSE = [name for name in EVERYTHING if 'mmpose' in name.split('/')]
# all others inherit from one of these: of the same name, or of the same without -gt
OWN = ('mae/mmpose/td-hm_vit-', 'simmim/mmpose/td-hm_swinv2-')
POSE_OWN = [name for name in POSE if name.startswith(OWN) and '-gt.' not in name]
COCO = [name for name in POSE_OWN if '_coco-' in name]
VIT = [name for name in COCO if '_vit-' in name]
PLAYGROUND = [name for name in EVERYTHING if name.startswith('playground/td-hm_')]
NAME = re.compile(
    r'(?P<method>\w+)/mmpose/td-hm_(?P<encoder>vit|swinv2)-(?P<arch>small|base|large)'
    r'(-p(?P<patch>\d+))?(-w(?P<window>\d+))?_(?P<head>classic|simple|deconv)'
    r'_8xb(?P<batch>\d+)-amp-(?P<epochs>\d+)e'
    r'_(?P<data>coco|crowdpose)-(?P<height>\d+)x(?P<width>\d+)(?P<boxes>-gt)?\.py'
)
PLAYGROUND_NAME = re.compile(
    r'playground/td-hm_vit-nano-p4_simple_1xb(?P<batch>\d+)-coslr-(?P<epochs>\d+)e'
    r'_playground-(?P<data>coco|crowdpose)-(?P<height>\d+)x(?P<width>\d+)\.py'
)
DATA = dict(coco=('CocoDataset', 17), crowdpose=('CrowdPoseDataset', 14))
# encoder, size -> rate, weight decay, layer decay, drop path
RECIPES = {
    ('vit', 'small'): (5e-4, 0.1, 0.8, 0.1),
    ('vit', 'base'): (5e-4, 0.1, 0.75, 0.3),
    ('vit', 'large'): (5e-4, 0.1, 0.8, 0.5),
    ('swinv2', 'base'): (5e-4, 0.05, 0.9, 0.3),
    ('swinv2', 'large'): (3.33e-4, 0.0625, 0.9, 0.5),
}


@cache
def theirs(name: str) -> Config:
    """A config of mmpose's."""
    return get_config(f'mmpose::body_2d_keypoint/topdown_heatmap/{name}.py')


def vitpose(name: str) -> Config:
    told = NAME.fullmatch(name)
    head = '-simple' if told['head'] == 'simple' else ''
    return theirs(f'coco/td-hm_ViTPose-{told["arch"]}{head}_8xb64-210e_coco-256x192')


def test_there_are_configs() -> None:
    """Breaks when a folder moves, and with it every other test here finds nothing."""
    assert Counter(name.partition('/')[0] for name in POSE) == dict(
        mae=24, mff=28, pixmim=8, simmim=16
    )
    assert len(POSE_OWN) == 16
    assert len(PLAYGROUND) == 2


@pytest.mark.parametrize('name', POSE_OWN)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed."""
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    cfg = read(name)
    encoder, head = cfg.model.backbone, cfg.model.head
    assert cfg.default_scope == 'mmpose'
    assert encoder.type == dict(vit='mim_secrets.ViT', swinv2='mim_secrets.SwinV2')[told['encoder']]
    assert encoder.arch == told['arch']
    height, width = int(told['height']), int(told['width'])
    if told['patch']:
        assert encoder.patch_size == int(told['patch'])
        assert encoder.img_size == (height, width)
    else:
        assert encoder.window_size[0] == int(told['window'])
        assert encoder.img_size == height == width
    kinds = dict(classic=(256, 256), simple=None, deconv=(32,) * 3)
    if told['arch'] == 'large':
        kinds['deconv'] = (48,) * 3
    assert head.deconv_out_channels == kinds[told['head']]
    assert ('neck' in cfg.model) == (told['head'] == 'simple')
    assert head.decoder.input_size == (width, height)
    assert head.decoder.heatmap_size == (width // 4, height // 4)
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == 8 * int(told['batch'])
    assert cfg.train_cfg.max_epochs == int(told['epochs'])
    assert cfg.param_scheduler[1].end == int(told['epochs'])


@pytest.mark.parametrize('name', PLAYGROUND)
def test_the_playground_is_the_same_in_small(name: str) -> None:
    """Breaks when a playground config is not what its name tells, or differs from a real
    one in more than paths, sizes, boxes, schedule and padding."""
    told = PLAYGROUND_NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    rest = '_simple_8xb64-amp-210e_{data}-256x192.py'.format(**told.groupdict())
    small, real = read(name), read(f'mae/mmpose/td-hm_vit-base-p16{rest}')
    height, width = int(told['height']), int(told['width'])
    assert small.model.backbone.img_size == (height, width)
    assert small.model.head.decoder.input_size == (width, height)
    assert small.train_dataloader.batch_size == small.auto_scale_lr.base_batch_size
    assert small.train_dataloader.batch_size == int(told['batch'])
    assert small.train_cfg.max_epochs == small.param_scheduler[1].end == int(told['epochs'])
    assert small.custom_hooks == real.custom_hooks
    assert small.optim_wrapper.constructor == real.optim_wrapper.constructor
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        one, other = small[key].dataset, real[key].dataset
        assert [step.type for step in one.pipeline] == [step.type for step in other.pipeline]
        for field in ('type', 'ann_file', 'data_prefix'):
            assert one[field] == other[field]
    for part, fields in dict(
        backbone=('arch', 'img_size', 'patch_size', 'patch_cfg', 'position', 'drop_path_rate'),
        head=('in_channels', 'decoder'),
    ).items():
        for cfg in (small, real):
            for field in fields:
                cfg.model[part].pop(field, None)
    assert small.model == real.model


@pytest.mark.parametrize('name', [*POSE_OWN, *PLAYGROUND])
def test_data_and_model_agree(name: str) -> None:
    """Breaks when targets are drawn otherwise than predictions are read, a head has
    another number of key points than the data, or a split or metric is another data
    set's."""
    cfg = read(name)
    kind, points = DATA['crowdpose' if 'crowdpose' in name else 'coco']
    assert cfg.model.head.out_channels == points
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = cfg[key].dataset
        assert dataset.type == kind
        steps = {step.type: step for step in dataset.pipeline}
        assert steps['TopdownAffine'].input_size == cfg.model.head.decoder.input_size
        udp = cfg.model.head.decoder.type == 'UDPHeatmap'
        assert steps['TopdownAffine'].get('use_udp', False) == udp
        assert cfg.model.test_cfg.shift_heatmap == (not udp)
        if key == 'train_dataloader':
            assert steps['GenerateTarget'].encoder == cfg.model.head.decoder
    assert cfg.val_dataloader == cfg.test_dataloader
    assert cfg.val_evaluator == cfg.test_evaluator
    dataset = cfg.val_dataloader.dataset
    assert cfg.val_evaluator.ann_file == dataset.data_root + dataset.ann_file
    assert parse_pose_metainfo(DATASETS.get(f'mmpose.{kind}').METAINFO)['num_keypoints'] == points


def test_all_methods_are_measured_alike() -> None:
    """Breaks when a method is fine-tuned otherwise than those that it is compared with."""
    measured: dict[str, list[dict]] = {}
    for name in POSE:
        measured.setdefault(name.partition('/')[2], []).append(read(name).to_dict())
    assert Counter(len(runs) for runs in measured.values()) == {4: 8, 2: 16 + 4, 1: 4}
    for run, (first, *others) in measured.items():
        assert all(other == first for other in others), run


@pytest.mark.parametrize('name', POSE_OWN)
def test_boxes_are_the_only_difference(name: str) -> None:
    """Breaks when people are found by their annotations where the name does not say so,
    or the test with true boxes comes with another change."""
    detected, true = read(name).to_dict(), read(name.replace('.py', '-gt.py')).to_dict()
    for key in ('val_dataloader', 'test_dataloader'):
        dataset = detected[key]['dataset']
        assert dataset.pop('bbox_file').startswith(dataset['data_root'])
        assert true[key]['dataset'].pop('bbox_file') is None
    assert detected == true


@pytest.mark.parametrize('name', COCO)
def test_crowds_are_trained_alike(name: str) -> None:
    """Breaks when a run on CrowdPose differs from the one on COCO in more than data,
    metric and key points."""
    coco, crowd = read(name).to_dict(), read(name.replace('_coco-', '_crowdpose-')).to_dict()
    for cfg in (coco, crowd):
        del cfg['val_evaluator'], cfg['test_evaluator'], cfg['model']['head']['out_channels']
        for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
            for field in ('type', 'data_root', 'ann_file', 'data_prefix', 'bbox_file'):
                cfg[key]['dataset'].pop(field, None)
    assert coco == crowd


@pytest.mark.parametrize('name', POSE_OWN)
def test_the_recipe_is_the_documented_one(name: str) -> None:
    """Breaks when a rate or a decay differs from what the page on pose says."""
    cfg, told = read(name), NAME.fullmatch(name)
    optimizer = cfg.optim_wrapper.optimizer
    assert (
        optimizer.lr,
        optimizer.weight_decay,
        cfg.optim_wrapper.paramwise_cfg.layer_decay_rate,
        cfg.model.backbone.drop_path_rate,
    ) == RECIPES[told['encoder'], told['arch']]
    assert (optimizer.type, optimizer.betas) == ('AdamW', (0.9, 0.999))
    warming, falling = cfg.param_scheduler
    assert (warming.type, warming.by_epoch, warming.end) == ('LinearLR', False, 500)
    assert ('clip_grad' in cfg.optim_wrapper) == (told['encoder'] == 'vit')
    if told['encoder'] == 'swinv2':
        assert (falling.type, falling.eta_min_ratio) == ('CosineAnnealingLR', 1e-5)
        assert cfg.model.backbone.window_size == [16, 16, 16, 8]
        assert cfg.model.backbone.pretrained_window_sizes == [12, 12, 12, 6]
        assert cfg.optim_wrapper.paramwise_cfg.merging_counts


@pytest.mark.parametrize('name', VIT)
def test_vitpose_is_mmposes(name: str) -> None:
    """Breaks when a run differs from mmpose's ViTPose in data, augmentation, head, rate or
    schedule, so that its published figure says nothing about ours."""
    ours, oracle = read(name), vitpose(name)
    for key in ('data_preprocessor', 'neck', 'test_cfg'):
        assert ours.model.get(key) == oracle.model.get(key), key
    heads = [dict(model.model.head) for model in (ours, oracle)]
    for head in heads:  # mmpose writes an empty list for none
        for key in ('deconv_out_channels', 'deconv_kernel_sizes'):
            head[key] = tuple(head[key] or ())
    assert heads[0] == heads[1]
    for key in (
        'img_size',
        'patch_size',
        'patch_cfg',
        'drop_path_rate',
        'out_type',
        'with_cls_token',
    ):
        assert ours.model.backbone[key] == oracle.model.backbone[key], key
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for field in ('batch_size', 'sampler', 'dataset'):
            assert ours[key][field] == oracle[key][field], (key, field)
    assert ours.val_evaluator == oracle.val_evaluator
    wrapper = ours.optim_wrapper
    assert wrapper.optimizer.pop('fused')  # an implementation, not another step
    assert wrapper.optimizer == oracle.optim_wrapper.optimizer
    assert wrapper.clip_grad == oracle.optim_wrapper.clip_grad
    rate = oracle.optim_wrapper.paramwise_cfg.layer_decay_rate
    assert wrapper.paramwise_cfg.layer_decay_rate == rate
    assert ours.param_scheduler[0] == oracle.param_scheduler[0]
    assert dict(ours.param_scheduler[1], gamma=0.1) == oracle.param_scheduler[1]
    assert ours.train_cfg == dict(oracle.train_cfg, by_epoch=True)
    assert ours.auto_scale_lr == oracle.auto_scale_lr


def test_crowdpose_is_mmposes() -> None:
    """Breaks when a split, the detector's boxes or the evaluation of crowds is not the one
    that mmpose publishes figures for."""
    ours = read(VIT[0].replace('_coco-', '_crowdpose-'))
    oracle = theirs('crowdpose/td-hm_hrnet-w32_8xb64-210e_crowdpose-256x192')
    assert ours.val_evaluator == oracle.val_evaluator
    for key in ('train_dataloader', 'val_dataloader'):
        mine, other = dict(ours[key].dataset), dict(oracle[key].dataset)
        assert mine.pop('pipeline') != other.pop('pipeline')  # UDP
        assert mine == other


@pytest.mark.parametrize('name', POSE_OWN)
def test_mixed_precision_is_on(name: str) -> None:
    """Breaks when a config that says ``amp`` trains in float32, or in bfloat16, which
    mmpose's accuracy cannot read."""
    wrapper = read(name).optim_wrapper
    assert (wrapper.type, wrapper.dtype) == ('AmpOptimWrapper', 'float16')
    assert wrapper.loss_scale == 'dynamic'


def test_accuracy_knows_no_bfloat16() -> None:
    """Breaks when mmpose has learnt it, and heat maps need not be float16."""
    with DefaultScope.overwrite_default_scope('mmpose'):
        options = dict(in_channels=4, out_channels=5, deconv_out_channels=None)
        head = MODELS.build(dict(type='HeatmapHead', **options))
    samples: list[PoseDataSample] = [SAMPLES['mmpose']((64, 48))] * 2
    maps = torch.zeros(2, 4, 16, 12)
    with torch.autocast('cpu', torch.bfloat16), pytest.raises(TypeError, match='BFloat16'):
        head.loss((maps,), samples)


@pytest.mark.parametrize('name', [*POSE_OWN, *PLAYGROUND])
def test_a_downstream_run_asks_for_its_checkpoint(name: str) -> None:
    """Breaks when a run without a checkpoint trains from random weights."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        WEIGHT_INITIALIZERS.build(read(name).model.backbone.init_cfg)
