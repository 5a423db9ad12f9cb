"""Every config is read, built whole, and trained for one step at a reduced size."""

import math
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.registry import (
    DATASETS,
    HOOKS,
    MODELS,
    PARAM_SCHEDULERS,
    VISUALIZERS,
    WEIGHT_INITIALIZERS,
    DefaultScope,
)

from tests.config_models import (
    BENCHMARKS,
    CONFIGS,
    PRETRAINING,
    ROOT,
    SHORTENED,
    SUPERVISED,
    built_on_meta,
    cost_of,
    model_cfg,
    once,
    one_batch,
    optimizer_of,
    read,
    shrink,
)

LINEAR = [name for name in BENCHMARKS if '-linear-' in name]

STEPS = 4


@pytest.fixture(autouse=True, scope='module')
def one_thread() -> Iterator[None]:
    """The shrunken models are so small that a second thread is only waited for."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def test_there_are_configs() -> None:
    """Breaks when a folder moves, and with it every other test here finds nothing."""
    masked = Counter(name.split('/')[0] for name in PRETRAINING)
    assert masked == dict(mae=24, mff=18, pixmim=2, simmim=7)
    measured = Counter(name.split('/')[0] for name in BENCHMARKS)
    assert measured == dict(mae=12, mff=16, pixmim=2, simmim=7)
    assert (len(SUPERVISED), len(SHORTENED)) == (13, 12)


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.slow
def test_builds_at_full_size(name: str) -> None:
    """Breaks when widths, level lists or class names of a config do not fit."""
    classes = read(name).model.head.get('num_classes')
    assert cost_of(name).shape in [(), (1, classes)]


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.slow
def test_first_training_step(name: str) -> None:
    """Breaks when preprocessing, loss or optimizer of a config cannot work together."""
    cfg = read(name)
    shrink(cfg)
    collate = cfg.train_dataloader.collate_fn
    loss = once(train_one_step, cfg, model_cfg(cfg), cfg.optim_wrapper, collate)
    assert math.isfinite(loss)


def train_one_step(cfg: Config) -> float:
    """The loss, after checking that the step changed something."""
    torch.manual_seed(0)
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = MODELS.build(model_cfg(cfg)).to(device)
        optimizer = optimizer_of(cfg, model)
    trained = [p for p in model.parameters() if p.requires_grad]
    before = [p.detach().clone() for p in trained]
    model.train()
    losses = model.train_step(one_batch(cfg), optimizer)
    assert not all(map(torch.equal, trained, before))
    return losses['loss'].item()


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.slow
def test_the_rate_rises_and_falls_within_the_run(name: str) -> None:
    """Breaks when a schedule is longer or shorter than the run it belongs to, or the
    peak rate was chosen for another batch size."""
    cfg = read(name)
    epochs, top = cfg.train_cfg.max_epochs, cfg.optim_wrapper.optimizer.lr
    *_, falling = cfg.param_scheduler
    assert falling.end == epochs
    rates = learning_rates(cfg)
    peak = rates.index(max(rates))
    assert rates[peak] == pytest.approx(top)
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    if falling.type == 'MultiStepLR':
        (milestone,) = falling.milestones
        shares = [top] * (milestone * STEPS - peak) + [top / 10] * (epochs - milestone) * STEPS
        assert rates[peak:] == pytest.approx(shares)
        return
    cosine = falling
    # a cosine that reaches its end early would rise again
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    floor = cosine.get('eta_min', 0.0)
    steps = (epochs - cosine.begin) * STEPS
    share = (1 - math.cos(math.pi / steps)) / 2  # one step before the end
    assert rates[-1] == pytest.approx(floor + (top - floor) * share, rel=1e-3)


def learning_rates(cfg: Config) -> list[float]:
    """The rate at each step, were an epoch ``STEPS`` long."""
    top = cfg.optim_wrapper.optimizer.lr
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=top)
    schedulers = []
    for scheduler in cfg.param_scheduler:
        options = dict(scheduler)
        kind = PARAM_SCHEDULERS.get(options.pop('type'))
        assert options.pop('convert_to_iter_based')
        options['epoch_length'] = STEPS
        schedulers.append(kind.build_iter_from_epoch(optimizer, **options))
    rates = []
    for _ in range(cfg.train_cfg.max_epochs * STEPS):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return rates


@pytest.fixture(scope='module')
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One JPEG in the layout of ImageNet, with its lists."""
    root = tmp_path_factory.mktemp('imagenet')
    noise = np.random.default_rng(0).integers(0, 256, (47, 63, 3), dtype=np.uint8)
    for split in ('train', 'val'):
        (root / split / 'n01440764').mkdir(parents=True)
        image = cv2.resize(noise, (500, 375), interpolation=cv2.INTER_CUBIC)
        cv2.imwrite(str(root / split / 'n01440764' / 'fish.jpg'), image)
        (root / 'meta').mkdir(exist_ok=True)
        for part in ('', '_1percent', '_10percent'):
            (root / 'meta' / f'{split}{part}.txt').write_text('n01440764/fish.jpg 0\n')
    return root


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.slow
def test_pipelines_read_a_real_file(name: str, imagenet: Path, tiny_world: Path) -> None:
    """Breaks when a transform is unknown, misplaced, or gives the wrong size."""
    cfg = read(name)
    side = cfg.model.backbone.img_size
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if cfg.get(key) is None:
            continue
        dataset = cfg[key].dataset
        dataset.data_root = str(tiny_world if 'playground' in dataset.data_root else imagenet)
        dataset['_scope_'] = cfg.default_scope
        sample = once(first_sample, dataset, dataset)
        assert sample['inputs'].shape == (3, side, side), key
        assert sample['inputs'].dtype == torch.uint8, key
        assert sample['data_samples'].gt_label == 0, key


def first_sample(dataset: ConfigDict) -> dict:
    with DefaultScope.overwrite_default_scope(dataset.pop('_scope_')):
        return DATASETS.build(dataset)[0]


@pytest.mark.parametrize('name', CONFIGS)
def test_crops_can_be_repeated(name: str) -> None:
    """Breaks when a pipeline draws before it is seeded, or is seeded by a transform
    that no hook tells the epoch, so that every epoch sees the same crops."""
    cfg = read(name)
    first, *_ = cfg.train_dataloader.dataset.pipeline
    assert first.type.split('.')[-1] == 'SeedSample'
    hooks = [hook['type'] for hook in cfg.custom_hooks]
    assert any(hook.endswith('ResumableRandomnessHook') for hook in hooks)
    assert cfg.randomness.diff_rank_seed


@pytest.mark.parametrize('name', CONFIGS)
@pytest.mark.slow
def test_hooks_and_visualizer_exist(name: str, tmp_path: Path) -> None:
    """Breaks when a hook or a visual backend is renamed or gets an unknown key."""
    cfg = read(name)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
            assert isinstance(HOOKS.build(hook), Hook)
        visualizer = dict(cfg.visualizer, save_dir=str(tmp_path), name=name)
        VISUALIZERS.build(visualizer).close()


@pytest.mark.parametrize('method', ['mae', 'mff'])
def test_what_is_decayed(method: str) -> None:
    """Breaks when a norm, bias, token or position gets weight decay, when a matrix
    gets none, or when the level scalars are treated otherwise than as released."""
    cfg = read(f'{method}/{method}_vit-small-p16_8xb512-amp-src-coslr-300e_in1k.py')
    model = built_on_meta(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        groups = optimizer_of(cfg, model).optimizer.param_groups
    names = {id(p): n for n, p in model.named_parameters()}
    decayed = {
        names[id(parameter)]
        for group in groups
        for parameter in group['params']
        if group['weight_decay'] > 0
    }
    tokens = ('backbone.cls_token', 'neck.mask_token')
    expected = {
        name
        for name, p in model.named_parameters()
        if p.requires_grad and p.ndim > 1 and name not in tokens
    }
    if method == 'mff':
        expected.add('fusion.level_logits')
    assert decayed == expected


@pytest.mark.parametrize('encoder', ['swin-base-w6', 'swinv2-base-w12', 'replknet-31B'])
def test_what_simmim_decays(encoder: str) -> None:
    """Breaks when a table of positions, its perceptron, a scale or the mask token gets
    weight decay, which SimMIM's authors spare, or a matrix gets none."""
    (name, *_) = (n for n in PRETRAINING if n.startswith(f'simmim/simmim_{encoder}_'))
    cfg = read(name)
    model = built_on_meta(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        groups = optimizer_of(cfg, model).optimizer.param_groups
    names = {id(p): n for n, p in model.named_parameters()}
    spared = ('mask_token', 'logit_scale', 'bias_table', 'cpb_mlp.0.weight', 'cpb_mlp.2.weight')
    for group in groups:
        for parameter in group['params']:
            name = names[id(parameter)]
            matrix = parameter.ndim > 1 and not name.endswith(spared)
            assert (group['weight_decay'] > 0) == matrix, name


@pytest.mark.parametrize('name', LINEAR)
def test_a_probe_trains_the_classifier_alone(name: str) -> None:
    """Breaks when a block or the last norm learns, or LARS scales the bias."""
    cfg = read(name)
    model = built_on_meta(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        groups = optimizer_of(cfg, model).optimizer.param_groups
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {'head.layers.head.weight', 'head.layers.head.bias'}
    excluded = {
        parameter.ndim: group.get('lars_exclude', False)
        for group in groups
        for parameter in group['params']
    }
    assert excluded == {2: False, 1: True}


@pytest.mark.parametrize('name', BENCHMARKS)
def test_a_benchmark_asks_for_its_checkpoint(name: str) -> None:
    """Breaks when a benchmark without a checkpoint trains from random weights."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        WEIGHT_INITIALIZERS.build(read(name).model.backbone.init_cfg)


@pytest.mark.slow
@pytest.mark.parametrize('name', [PRETRAINING[0], BENCHMARKS[0]])
def test_a_config_brings_its_own_imports(name: str) -> None:
    """Breaks when a config works only after somebody else has imported the package,
    as under the training script of another library."""
    script = f"""
from mmengine.config import Config
cfg = Config.fromfile('configs/{name}')
from mmengine.registry import DATASETS, HOOKS, MODELS, TRANSFORMS, init_default_scope
init_default_scope(cfg.default_scope)
for registry, types in (
    (DATASETS, [cfg.train_dataloader.dataset.type]),
    (TRANSFORMS, [t.type for t in cfg.train_dataloader.dataset.pipeline]),
    (HOOKS, [hook.type for hook in cfg.custom_hooks]),
    (MODELS, [cfg.model.type, cfg.model.backbone.type]),
):
    with registry.switch_scope_and_registry(None) as scoped:
        for name in types:
            assert scoped.get(name), name
"""
    done = subprocess.run(
        [sys.executable, '-c', script],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
