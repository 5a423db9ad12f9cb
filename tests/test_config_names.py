"""A config is what its name says, and runs that are compared differ in nothing else."""

import re

import pytest
from mmengine.config import Config

from tests.config_models import BENCHMARKS, PRETRAINING, read

PRETRAINING_NAME = re.compile(
    r'(?P<method>mae|mff)/(?P=method)_vit-(?P<arch>small|base|large)-p(?P<patch>\d+)_'
    r'8xb(?P<batch>\d+)(?P<amp>-amp)-(?P<crop>rrc|src)-coslr-(?P<epochs>\d+)e_in1k\.py'
)
BENCHMARK_NAME = re.compile(
    r'(?P<method>mae|mff)/benchmarks/vit-(?P<arch>small|base|large)-p(?P<patch>\d+)_'
    r'8xb(?P<batch>\d+)(?P<amp>-amp)?(?P<linear>-linear)?-coslr-(?P<epochs>\d+)e_in1k\.py'
)
CROPS = dict(rrc='mmpretrain.RandomResizedCrop', src='SimpleResizedCrop')


@pytest.mark.parametrize('name', PRETRAINING)
def test_name_tells_what_is_pretrained(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed."""
    told = PRETRAINING_NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    cfg = read(name)
    assert cfg.model.type.lower() == told['method']
    assert ('fusion' in cfg.model) == (told['method'] == 'mff')
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    kinds = [step.type for step in cfg.train_dataloader.dataset.pipeline]
    assert [crop for crop, kind in CROPS.items() if kind in kinds] == [told['crop']]
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
    check_common(cfg, told)


def check_common(cfg: Config, told: re.Match) -> None:
    assert cfg.model.backbone.arch == told['arch']
    assert cfg.model.backbone.patch_size == int(told['patch'])
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == 8 * int(told['batch'])
    assert cfg.train_cfg.max_epochs == int(told['epochs'])


def test_both_methods_are_measured_alike() -> None:
    """Breaks when a benchmark is changed for one method only."""
    mae, mff = (
        {name.removeprefix(method): read(name) for name in BENCHMARKS if method in name}
        for method in ('mae/', 'mff/')
    )
    assert mae.keys() == mff.keys()
    for name, cfg in mae.items():
        assert cfg.to_dict() == mff[name].to_dict(), name


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
