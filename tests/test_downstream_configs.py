"""Configs of detection and segmentation are what their names and recipes say."""

import re

import pytest
import torch
from mmcv.ops import RoIAlign
from mmengine.registry import WEIGHT_INITIALIZERS

from tests.config_models import DENSE, DENSE_OWN, PRETRAINING, read

pytestmark = pytest.mark.slow  # models at full size

NAME = re.compile(
    r'(?P<method>\w+)/((?P<mmdet>mmdet)/mask-rcnn_|mmseg/)'
    r'(?P<encoder>vit|swin|swinv2)-(?P<arch>small|base|large)'
    r'(-p(?P<patch>\d+))?(-w(?P<window>\d+))?(?P<table>-table)?'
    r'_(?P<neck>simple-fpn|fpn|upernet)_(?P<gpus>\d+)xb(?P<batch>\d+)-amp-'
    r'(lsj-(?P<epochs>\d+)e_coco|(?P<thousands>\d+)k_ade20k-(?P<size>\d+)x(?P=size))'
    r'(?P<whole>-whole)?\.py'
)
TYPES = dict(vit='ViT', swin='Swin', swinv2='SwinV2')
NECKS = {'simple-fpn': 'mim_secrets.SimpleFeaturePyramid', 'fpn': 'FPN'}
# method, folder -> rate, weight decay, layer decay of ViT-B or Swin-B, iterations of warm-up
RECIPES = {
    ('vit', 'mmdet'): (1e-4, 0.1, 0.7, 250),
    ('swin', 'mmdet'): (1e-4, 0.05, 1.0, 1000),
    ('vit', 'mmseg'): (1e-4, 0.05, 0.65, 1500),
    ('swin', 'mmseg'): (6e-5, 0.01, 1.0, 1500),
}


def library(name: str) -> str:
    return name.split('/')[1]


def test_a_method_is_measured_on_every_encoder_that_it_trains() -> None:
    """Breaks when a config is left out, or measures what nothing was pre-trained for."""
    runs: dict[str, set[str]] = {}
    for name in DENSE_OWN:
        runs.setdefault(encoder_of(name), set()).add(name.partition('/')[2])
    trained = {
        (name.split('/')[0], encoder_of(name))
        for name in PRETRAINING
        if not name.startswith('mff/mff-simmim_vit') and 'replknet' not in name
    }
    assert set(runs) == {encoder for _, encoder in trained}
    assert {encoder: len(names) for encoder, names in runs.items()} == {
        'vit-base': 6, 'vit-small': 4, 'vit-large': 4,
        'swin-base': 2, 'swin-large': 2, 'swinv2-base': 2, 'swinv2-large': 2,
    }  # fmt: skip
    assert set(DENSE) == {f'{m}/{run}' for m, encoder in trained for run in runs[encoder]}


def encoder_of(name: str) -> str:
    return re.search(r'(vit|swin|swinv2)-(small|base|large)', name)[0]


@pytest.mark.parametrize('name', DENSE_OWN)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed."""
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    cfg = read(name)
    encoder = cfg.model.backbone
    assert cfg.default_scope == library(name)
    assert encoder.type == f'mim_secrets.{TYPES[told["encoder"]]}'
    assert encoder.arch == told['arch']
    assert str(encoder.get('patch_size')) == str(told['patch'])
    assert ('window_size' in encoder) == bool(told['window'] or told['mmdet'])
    if told['window']:
        windows = encoder.window_size
        assert int(told['window']) == (windows if isinstance(windows, int) else windows[0])
    assert (encoder.get('relative_position') == 'table') == bool(told['table'])
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == int(told['gpus']) * int(told['batch'])
    if told['mmdet']:
        assert cfg.model.neck.type == NECKS[told['neck']]
        assert cfg.train_cfg.max_epochs == int(told['epochs'])
        resize = cfg.train_dataloader.dataset.pipeline[3]
        assert resize.ratio_range == (0.1, 2.0)
    else:
        assert cfg.model.decode_head.type == 'UPerHead'
        assert cfg.train_cfg.max_iters == 1000 * int(told['thousands'])
        crop = (int(told['size']),) * 2
        assert cfg.train_dataloader.dataset.pipeline[3].crop_size == crop
        assert cfg.model.data_preprocessor['size'] == crop
        assert cfg.model.test_cfg.get('crop_size', crop) == crop
        slides = told['encoder'] == 'vit' and not told['whole']
        assert cfg.model.test_cfg.mode == ('slide' if slides else 'whole')


@pytest.mark.slow
def test_all_methods_are_measured_alike() -> None:
    """Breaks when a method is fine-tuned otherwise than those that it is compared with."""
    measured: dict[str, list[dict]] = {}
    for name in DENSE:
        measured.setdefault(name.partition('/')[2], []).append(read(name).to_dict())
    assert sum(len(runs) > 1 for runs in measured.values()) > len(measured) / 2
    for run, (first, *others) in measured.items():
        assert all(other == first for other in others), run


@pytest.mark.parametrize('arch', ['small', 'base', 'large'])
def test_lengths_differ_in_nothing_else(arch: str) -> None:
    """Breaks when a longer schedule comes with another change."""
    start = f'mae/mmdet/mask-rcnn_vit-{arch}-p16_simple-fpn_16xb4-amp-lsj'
    lengths = [read(f'{start}-{epochs}e_coco.py').to_dict() for epochs in (12, 25, 100)]
    for run in lengths:
        for key in ('max_epochs', 'train_cfg', 'param_scheduler'):
            del run[key]
    assert lengths[0] == lengths[1] == lengths[2]


def test_segmentors_that_are_compared_differ_in_nothing_else() -> None:
    """Breaks when tables of positions, or tests on whole images, come with another
    change."""
    rest = '_upernet_8xb2-amp-160k_ade20k-512x512'
    plain, table, whole = (
        read(f'mae/mmseg/vit-base-p16{name}.py').to_dict()
        for name in (rest, f'-table{rest}', f'{rest}-whole')
    )
    assert table['model']['backbone'].pop('relative_position') == 'table'
    assert plain == table
    assert whole['model'].pop('test_cfg') == dict(mode='whole')
    assert whole['model']['data_preprocessor'].pop('test_cfg') == dict(size_divisor=32)
    del plain['model']['test_cfg'], whole['data_preprocessor']['test_cfg']
    assert plain == whole


@pytest.mark.parametrize('name', DENSE_OWN)
def test_the_recipe_is_the_documented_one(name: str) -> None:
    """Breaks when a rate, a decay or a warm-up differs from what the README says, or a
    run ends before its schedule does."""
    cfg, told = read(name), NAME.fullmatch(name)
    family = told['encoder'].removesuffix('v2')
    rate, decay, layers, warmup = RECIPES[family, library(name)]
    if (told['encoder'], told['arch']) == ('vit', 'large'):
        layers = dict(mmdet=0.8, mmseg=0.75)[library(name)]
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr, optimizer.weight_decay) == ('AdamW', rate, decay)
    assert cfg.optim_wrapper.paramwise_cfg.get('layer_decay_rate', 1.0) == layers
    warming, falling = cfg.param_scheduler
    assert (warming.type, warming.by_epoch, warming.begin) == ('LinearLR', False, 0)
    assert warming.end == warmup
    if falling.type == 'PolyLR':
        assert (falling.begin, falling.end) == (warmup, cfg.train_cfg.max_iters)
        assert falling.by_epoch is False and cfg.train_cfg.max_iters > 10 * warmup
        return
    assert falling.end == cfg.train_cfg.max_epochs
    first, second = falling.milestones
    assert falling.begin == 0 < first < second < falling.end
    assert first > cfg.train_cfg.max_epochs / 2
    steps = 117266 // cfg.auto_scale_lr.base_batch_size  # of an epoch of COCO
    assert warmup < steps * first


@pytest.mark.parametrize('name', DENSE_OWN)
def test_mixed_precision_is_on(name: str) -> None:
    """Breaks when a config that says ``amp`` trains in float32, as mmseg's MAE does, or
    hands bfloat16 to regions of interest."""
    cfg = read(name)
    wrapper = cfg.optim_wrapper
    assert wrapper.type == 'AmpOptimWrapper' and 'fp16' not in cfg
    fpn = (cfg.model.get('neck') or {}).get('type') == 'FPN'
    assert (wrapper.dtype, wrapper.loss_scale) == (
        ('float16', 'dynamic') if fpn else ('bfloat16', dict(enabled=False))
    )


def test_regions_of_interest_know_no_bfloat16() -> None:
    """Breaks when mmcv has learnt it, and what follows an FPN need not be float16."""
    maps, boxes = torch.zeros(1, 1, 4, 4), torch.tensor([[0, 0, 0, 2, 2.0]])
    with pytest.raises(RuntimeError, match="not implemented for 'BFloat16'"):
        RoIAlign(2)(maps.bfloat16(), boxes.bfloat16())


@pytest.mark.parametrize('name', DENSE_OWN)
def test_a_downstream_run_asks_for_its_checkpoint(name: str) -> None:
    """Breaks when a run without a checkpoint trains from random weights."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        WEIGHT_INITIALIZERS.build(read(name).model.backbone.init_cfg)
