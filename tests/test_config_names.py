"""A config is what its name says, and runs that are compared differ in nothing else."""

import re

import pytest
from mmengine.config import Config

from tests.config_models import BENCHMARKS, PRETRAINING, SHORTENED, SUPERVISED, read

ENCODER = (
    r'(?P<encoder>vit|swin|swinv2|replknet)-(?P<arch>small|base|large|31B)'
    r'(-p(?P<patch>\d+))?(-w(?P<window>\d+))?_8xb(?P<batch>\d+)'
)
LENGTH = r'(?P<fall>cos|step)lr-(?P<epochs>\d+)e_in1k(-(?P<size>\d+)px)?\.py'
PRETRAINING_NAME = re.compile(
    r'(?P<folder>mae|mff|pixmim|simmim)/(?P<method>mae|mff|pixmim|simmim|mff-pixmim|mff-simmim)_'
    + ENCODER
    + r'(?P<amp>-amp)(-(?P<crop>rrc|src))?-'
    + LENGTH
)
SUPERVISED_NAME = re.compile(r'supervised/supervised_' + ENCODER + r'(?P<amp>-amp)-' + LENGTH)
BENCHMARK_NAME = re.compile(
    r'(?P<folder>mae|mff|pixmim|simmim)/benchmarks/'
    + ENCODER
    + r'(?P<amp>-amp)?(?P<linear>-linear)?-'
    + LENGTH.removesuffix(r'\.py')
    + r'(-(?P<percent>\d+)percent)?\.py'
)
CROPS = dict(rrc='mmpretrain.RandomResizedCrop', src='SimpleResizedCrop')
TYPES = dict(vit='ViT', swin='Swin', swinv2='SwinV2', replknet='RepLKNet')
FALLS = dict(cos='CosineAnnealingLR', step='MultiStepLR')


@pytest.mark.parametrize('name', PRETRAINING)
def test_name_tells_what_is_pretrained(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed."""
    told = PRETRAINING_NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    cfg = read(name)
    fused = told['method'].startswith('mff')
    method = told['method'].removeprefix('mff-')
    assert told['folder'] == ('mff' if fused else told['method'])
    assert cfg.model.type.lower() == told['folder']
    assert ('fusion' in cfg.model) == fused
    target = cfg.model.head.get('target', {}).get('type')
    assert (target == 'LowPassTarget') == (method == 'pixmim')
    assert (cfg.model.neck.type == 'SimMIMDecoder') == (method == 'simmim')
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    kinds = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    # SimMIM has one way of cropping, so that its names tell none
    crop = told['crop'] or 'rrc'
    assert [crop for crop, kind in CROPS.items() if kind in kinds] == [crop]
    check_common(cfg, told)


@pytest.mark.parametrize('name', SUPERVISED)
def test_name_tells_what_is_trained_on_labels(name: str) -> None:
    """Breaks when a supervised twin starts from a checkpoint, or is named after another."""
    told = SUPERVISED_NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    cfg = read(name)
    assert cfg.model.type == 'ImageClassifier'
    assert cfg.model.backbone.init_cfg is None
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    check_common(cfg, told)


@pytest.mark.parametrize('name', BENCHMARKS)
def test_name_tells_what_is_measured(name: str) -> None:
    """Breaks when a fine-tune passes for a probe, or a batch size for another."""
    told = BENCHMARK_NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    cfg = read(name)
    assert ('frozen_stages' in cfg.model.backbone) == bool(told['linear'])
    amp = cfg.optim_wrapper.get('type') == 'AmpOptimWrapper'
    assert amp == bool(told['amp'])
    listed = f'meta/train_{told["percent"]}percent.txt' if told['percent'] else ''
    assert cfg.train_dataloader.dataset.get('ann_file', '') == listed
    check_common(cfg, told)


@pytest.mark.parametrize('name', SHORTENED)
def test_name_tells_what_is_left_out(name: str) -> None:
    """Breaks when a run without the last blocks differs from its benchmark in more, so
    that a difference in accuracy has another cause."""
    start, drop_last, end = re.fullmatch(r'dark_secrets/(.*)-drop(\d)(-.*)', name).groups()
    (benchmark,) = (n for n in BENCHMARKS if re.match(f'(mae|simmim)/benchmarks/{start}{end}', n))
    short, whole = read(name), read(benchmark)
    assert short.model.backbone.pop('drop_last') == int(drop_last)
    widths = [cfg.model.head.pop('in_channels') for cfg in (short, whole)]
    assert widths[0] in (widths[1], widths[1] // 2)  # building it tells which
    assert short.to_dict() == whole.to_dict()


def test_there_is_one_for_each_number_of_blocks() -> None:
    """Breaks when the curve over numbers of blocks has a gap."""
    series = {}
    for name in SHORTENED:
        encoder, drop_last = re.match(r'dark_secrets/(\w+)-.*-drop(\d)', name).groups()
        series.setdefault(encoder, []).append(int(drop_last))
    assert series == dict(swinv2=[1, 2, 3, 4, 5, 6], vit=[1, 2, 3, 4, 5, 6])


def check_common(cfg: Config, told: re.Match) -> None:
    encoder = cfg.model.backbone
    assert encoder.type.removeprefix('mim_secrets.') == TYPES[told['encoder']]
    assert encoder.arch == told['arch']
    assert encoder.img_size == int(told['size'] or 224)
    if told['patch']:
        assert encoder.patch_size == int(told['patch'])
    if told['window']:
        windows = encoder.window_size
        assert int(told['window']) == (windows if isinstance(windows, int) else windows[0])
    assert cfg.param_scheduler[-1].type == FALLS[told['fall']]
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == 8 * int(told['batch'])
    assert cfg.train_cfg.max_epochs == int(told['epochs'])


def test_all_methods_are_measured_alike() -> None:
    """Breaks when a benchmark is changed for one method only."""
    measured: dict[str, dict[str, dict]] = {}
    for name in BENCHMARKS:
        method, _, benchmark = name.partition('/benchmarks/')
        measured.setdefault(benchmark, {})[method] = read(name).to_dict()
    for benchmark, methods in measured.items():
        first, *others = methods.values()
        assert all(other == first for other in others), benchmark
    # what follows MFF is what follows the methods that it is put on
    assert all(len(methods) > 1 for methods in measured.values() if 'mff' in methods)
    alone = {name for name, methods in measured.items() if len(methods) == 1}
    assert all('large' in name or 'replknet' in name for name in alone)


def test_fusion_is_all_that_mff_adds() -> None:
    """Breaks when a fused run and the one that it is compared with differ in more."""
    for name in PRETRAINING:
        told = PRETRAINING_NAME.fullmatch(name)
        if '-' not in told['method']:
            continue
        fused = read(name).to_dict()
        method = told['method'].removeprefix('mff-')
        plain = read(f'{method}/{name.removeprefix("mff/mff-")}').to_dict()
        assert fused['model'].pop('fusion')['type'] == 'MultiLevelFusion'
        assert (fused['model'].pop('type'), plain['model'].pop('type').lower()) == ('MFF', method)
        assert fused == plain, name


def test_pixmim_is_mae_with_another_target() -> None:
    """Breaks when PixMIM differs from the MAE that it is compared with in more."""
    for epochs in (300, 800):
        rest = f'vit-base-p16_8xb512-amp-src-coslr-{epochs}e_in1k.py'
        pixmim, mae = read(f'pixmim/pixmim_{rest}'), read(f'mae/mae_{rest}')
        assert pixmim.model.head.pop('target') == dict(type='LowPassTarget', cutoff=40 / 224)
        pixmim.model.type = 'MAE'
        assert pixmim.to_dict() == mae.to_dict()


def test_methods_and_crops_differ_in_nothing_else() -> None:
    """Breaks when the four runs that are compared differ in more than their names say."""
    for arch in ('small', 'base', 'large'):
        runs = [
            read(f'{m}/{m}_vit-{arch}-p16_8xb512-amp-{crop}-coslr-300e_in1k.py')
            for m in ('mae', 'mff')
            for crop in ('rrc', 'src')
        ]
        for run in (runs := [run.to_dict() for run in runs]):
            del run['train_pipeline'], run['train_dataloader']['dataset']['pipeline']
            del run['model']['type']
            run['model'].pop('fusion', None)
        assert all(run == runs[0] for run in runs)
