"""Configs of transfer to other sets are what their names and recipes say, and run."""

import importlib.util
import math
import re
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, FUNCTIONS, HOOKS, MODELS, WEIGHT_INITIALIZERS, DefaultScope

from tests.config_models import (
    BENCHMARKS,
    CONFIGS,
    ROOT,
    TRANSFER,
    built_on_meta,
    model_cfg,
    optimizer_of,
    read,
    shrink,
)
from tests.datasets.classification_layouts import WRITERS
from tests.test_configs import learning_rates

NAME = re.compile(
    r'dark_secrets/benchmarks/(?P<encoder>(?P<kind>vit|swinv2)-(?P<arch>base|large)'
    r'(-p(?P<patch>\d+))?(-w(?P<window>\d+))?)_8xb(?P<batch>\d+)'
    r'(?P<probe>-amp-linear)?-coslr-(?P<epochs>\d+)e_(?P<key>[a-z0-9-]+)\.py'
)
TYPES = dict(vit='mim_secrets.ViT', swinv2='mim_secrets.SwinV2')
# key -> type, classes, metric; the order is that of Kornblith et al., who have twelve
TOP1, PER_CLASS, ELEVEN_POINT = 'accuracy/top1', 'single-label/recall', 'eleven-point/mAP'
KORNBLITH = {
    'food101': ('Food101', 101, TOP1),
    'cifar10': ('CIFAR10', 10, TOP1),
    'cifar100': ('CIFAR100', 100, TOP1),
    'birdsnap': ('Birdsnap', 500, TOP1),
    'sun397': ('SUN397', 397, TOP1),
    'cars': ('StanfordCars', 196, TOP1),
    'aircraft': ('FGVCAircraft', 100, PER_CLASS),
    'voc2007': ('VOC', 20, ELEVEN_POINT),
    'dtd': ('DTD', 47, TOP1),
    'pets': ('OxfordIIITPet', 37, PER_CLASS),
    'caltech101': ('Caltech101', 102, PER_CLASS),
    'flowers': ('Flowers102', 102, PER_CLASS),
}
COG = {f'cog-l{level}': ('CoGLevel', 1000, TOP1) for level in range(1, 6)}
SETS = {**KORNBLITH, 'inat18': ('INaturalist2018', 8142, TOP1), **COG}
# folder of a config that is trained on ImageNet in the same way
TWINS = dict(vit='mae', swinv2='simmim')


def told_by(name: str) -> re.Match:
    told = NAME.fullmatch(name)
    assert told, f'{name} is not named like the others'
    return told


def one_of_each(part: str) -> list[str]:
    """A config for each value of a part of the names."""
    return sorted({told_by(name)[part]: name for name in reversed(TRANSFER)}.values())


def test_there_are_configs() -> None:
    """Breaks when a folder moves, an encoder lacks a set, or others test these too, with
    ImageNet in mind."""
    found = Counter((told_by(name)['encoder'], told_by(name)['key']) for name in TRANSFER)
    expected = {(e, key) for e in ('vit-base-p16', 'swinv2-base-w14') for key in SETS}
    assert found == Counter([*expected, ('vit-large-p16', 'inat18')])
    assert not {*TRANSFER} & {*CONFIGS, *BENCHMARKS}


@pytest.mark.slow
@pytest.mark.parametrize('name', TRANSFER)
def test_name_tells_what_is_measured(name: str) -> None:
    """Breaks when a file was copied and its name, or only its name, was changed, or the
    head has another number of classes than the set."""
    told, cfg = told_by(name), read(name)
    kind, classes, metric = SETS[told['key']]
    encoder = cfg.model.backbone
    assert (encoder.type, encoder.arch) == (TYPES[told['kind']], told['arch'])
    assert str(encoder.get('patch_size')) == str(told['patch'])
    if told['window']:
        assert encoder.window_size == [int(told['window'])] * 3 + [int(told['window']) // 2]
    assert ('frozen_stages' in encoder) == bool(told['probe'])
    assert (cfg.optim_wrapper.get('type') == 'AmpOptimWrapper') == bool(told['probe'])
    assert cfg.model.head.num_classes == cfg.data_preprocessor.num_classes == classes
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == 8 * int(told['batch'])
    assert cfg.train_cfg.max_epochs == int(told['epochs'])
    for split in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        dataset = cfg[split].dataset
        assert dataset.type == f'mim_secrets.{kind}'
        assert dataset.count
        if kind == 'CoGLevel':
            assert told['key'] == f'cog-l{dataset.level}'
    assert cfg.val_dataloader == cfg.test_dataloader
    assert cfg.val_evaluator == cfg.test_evaluator
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        (measure,) = Evaluator([dict(cfg.test_evaluator)]).metrics
    assert metric.startswith(f'{measure.prefix}/')
    if metric == PER_CLASS:
        assert (measure.items, measure.average) == (('recall',), 'macro')


@pytest.mark.slow
def test_encoders_are_compared_on_the_same_images() -> None:
    """Breaks when a set is changed for one encoder only."""
    by_key: dict[str, list[dict]] = {}
    for name in TRANSFER:
        cfg = read(name).to_dict()
        parts = [cfg[f'{split}_dataloader'] for split in ('train', 'val', 'test')]
        for part in parts:
            del part['batch_size']
        told = told_by(name)
        by_key.setdefault(told['key'], []).append([parts, cfg['test_evaluator']])
    assert all(same == alike[0] for alike in by_key.values() for same in alike)


@pytest.mark.slow
@pytest.mark.parametrize('name', TRANSFER)
def test_the_recipe_is_that_of_imagenet(name: str) -> None:
    """Breaks when more is changed than the data, the number of classes and, with the
    number of images per step, the rate."""
    told, cfg = told_by(name), read(name)
    rest = re.sub(r'_8xb\d+', '_8xb*', name.rpartition('/')[2]).replace(told['key'], 'in1k')
    folder = ROOT / 'configs' / TWINS[told['kind']] / 'benchmarks'
    twins = [Config.fromfile(path) for path in folder.glob(rest)]
    if not twins:
        assert told['encoder'] == 'swinv2-base-w14' and told['probe']
        twins = [read(next(n for n in TRANSFER if 'vit-base' in n and told['key'] in n))]
        twins[0].model = cfg.model
    (twin,) = twins
    ours, theirs = cfg.optim_wrapper.to_dict(), twin.optim_wrapper.to_dict()
    share = ours['optimizer'].pop('lr') / theirs['optimizer'].pop('lr')
    assert share == cfg.auto_scale_lr.base_batch_size / twin.auto_scale_lr.base_batch_size
    assert ours == theirs
    assert cfg.param_scheduler == twin.param_scheduler
    assert cfg.custom_hooks == twin.custom_hooks
    assert cfg.randomness == twin.randomness
    assert cfg.model.backbone == twin.model.backbone
    assert cfg.model.get('train_cfg') == twin.model.get('train_cfg')
    assert cfg.model.head.in_channels == twin.model.head.in_channels
    top, rates = cfg.optim_wrapper.optimizer.lr, learning_rates(cfg)
    assert max(rates) == pytest.approx(top) and rates[-1] < top / 100


@pytest.mark.parametrize('name', one_of_each('encoder'))
def test_it_asks_for_its_checkpoint(name: str) -> None:
    """Breaks when a config without a checkpoint trains from random weights."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        WEIGHT_INITIALIZERS.build(read(name).model.backbone.init_cfg)


@pytest.mark.slow
@pytest.mark.parametrize('name', TRANSFER)
def test_whole_model_and_its_rates(name: str) -> None:
    """Breaks when widths of the full model do not fit, a parameter gets no rate, or a
    probe trains more than its classifier."""
    told, cfg = told_by(name), read(name)
    model = built_on_meta(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        groups = optimizer_of(cfg, model).optimizer.param_groups
    names = {id(parameter): key for key, parameter in model.named_parameters()}
    rates = {
        names[id(parameter)]: group['lr']
        for group in groups
        for parameter in group['params']
        if parameter.requires_grad
    }
    assert rates.keys() == {key for key, p in model.named_parameters() if p.requires_grad}
    top = cfg.optim_wrapper.optimizer.lr
    heads = [key for key in rates if key.startswith('head.')]
    assert len(heads) == 2 and all(rates[key] == top for key in heads)
    if told['probe']:
        assert len(rates) == 2
    else:
        assert min(rates.values()) < top * 0.01


@pytest.mark.slow
@pytest.mark.parametrize(
    'name',
    [n for n in TRANSFER if told_by(n)['key'] in ('voc2007', 'pets', 'cifar10', 'cog-l1')],
)
def test_a_step_and_a_validation_on_its_own_data(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Breaks when labels of several classes, arrays instead of files, or what is said of
    difficult objects do not find their way from the folder to the loss and the metric."""
    monkeypatch.setattr('mmpretrain.datasets.cifar.check_md5', lambda *_: True)
    cfg, told = read(name), told_by(name)
    shrink(cfg)
    WRITERS[told['key']](tmp_path)
    _, _, metric = SETS[told['key']]
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        torch.manual_seed(0)
        model = MODELS.build(model_cfg(cfg)).to(device)
        wrapper = optimizer_of(cfg, model)
        losses = model.train_step(batch_of(cfg, 'train_dataloader', tmp_path), wrapper)
        assert math.isfinite(losses['loss'].item())
        evaluator = Evaluator([dict(cfg.test_evaluator)])
        batch = batch_of(cfg, 'test_dataloader', tmp_path)
        with torch.no_grad():
            found = model.eval().test_step(batch)
        evaluator.process(data_samples=found, data_batch=batch)
        metrics = evaluator.evaluate(len(found))
        assert 0 <= metrics[metric] <= 100
        hooks = [HOOKS.build(hook) for hook in cfg.custom_hooks]
    assert all(isinstance(hook, Hook) for hook in hooks)


def batch_of(cfg: Config, split: str, root: Path) -> dict:
    """Two images as the loader hands them on, at the size of the shrunken encoder."""
    options = cfg[split]
    dataset = options.dataset
    dataset.update(data_root=str(root), count=None, serialize_data=False)
    images = DATASETS.build(dataset)
    batch = FUNCTIONS.get(options.collate_fn.type)([images[i % len(images)] for i in range(2)])
    side = cfg.model.backbone.img_size
    batch['inputs'] = batch['inputs'][..., :side, :side]
    return batch


def test_the_tool_knows_all_twelve() -> None:
    """Breaks when a set gets another metric or name here than in the table of K12."""
    path = ROOT / 'tools' / 'analysis_tools' / 'kornblith_mean.py'
    spec = importlib.util.spec_from_file_location('kornblith_mean', path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    known = {kind: (column.name, column.metric) for kind, column in tool.SETS.items()}
    assert known == {kind: (key, metric) for key, (kind, _, metric) in KORNBLITH.items()}
    assert list(known) == [kind for kind, _, _ in KORNBLITH.values()]


@pytest.mark.slow
def test_the_page_has_the_numbers_of_the_configs() -> None:
    """Breaks when a count, folder or metric of a config is changed and the docs are not."""
    page = (ROOT / 'docs' / 'en' / 'classification.md').read_text()
    metrics = {TOP1: 'top-1', PER_CLASS: 'mean of classes', ELEVEN_POINT: '11-point mAP'}
    for name in one_of_each('key'):
        key, cfg = told_by(name)['key'], read(name)
        if key in COG and key != 'cog-l1':
            continue
        train, test = cfg.train_dataloader.dataset, cfg.test_dataloader.dataset
        _, classes, metric = SETS[key]
        cells = (
            '`cog-l1` to `cog-l5`' if key == 'cog-l1' else f'`{key}`',
            f'`{train.data_root}`',
            f'{classes:,}',
            'as listed' if train.count == 'listed' else f'{train.count:,}',
            f'{test.count:,}',
            metrics[metric],
        )
        assert f'| {" | ".join(cells)} |' in page
        assert test.data_root == train.data_root
