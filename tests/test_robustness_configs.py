"""Configs that test a trained model: on other pictures, on spoilt ones, by its neighbours."""

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS, DefaultScope, init_default_scope
from mmengine.runner import Runner

from mim_secrets.datasets.robustness import CORRUPTIONS, SEVERITIES
from tests.config_models import TEST_ONLY, built_on_meta, model_cfg, read, shrink

NAME = re.compile(
    r'(?P<method>mae|mff)/benchmarks/vit-(?P<arch>small|base|large)-p16_8xb(?P<batch>\d+)'
    r'(?P<knn>-knn)?_in1k(-(?P<kind>a|r|sketch|c))?\.py'
)
# number of images, and the metric
SETS = dict(
    a=(7500, 'mim_secrets.SubsetAccuracy'),
    r=(30000, 'mim_secrets.SubsetAccuracy'),
    sketch=(50889, 'Accuracy'),
    c=(50000, 'mim_secrets.CorruptionError'),
)
IMAGENET = [name for name in TEST_ONLY if not name.startswith('playground/')]
ROBUSTNESS = [name for name in IMAGENET if '-knn_' not in name]
KNN = [name for name in IMAGENET if '-knn_' in name]
BASE = 'mae/benchmarks/vit-base-p16_8xb128_in1k-{}.py'
PLAYGROUND = 'playground/vit-nano-p4_1xb256-knn_playground-32px.py'


def finetuning(arch: str) -> Config:
    epochs = 50 if arch == 'large' else 100
    return read(f'mae/benchmarks/vit-{arch}-p16_8xb128-coslr-{epochs}e_in1k.py')


def test_there_is_one_of_each() -> None:
    """Breaks when a set, a size or a method is left out."""
    archs, methods = ('small', 'base', 'large'), ('mae', 'mff')
    found = {NAME.fullmatch(name).group('method', 'arch', 'kind') for name in IMAGENET}
    assert found == {(m, a, kind) for m in methods for a in archs for kind in (*SETS, None)}
    assert len(IMAGENET) == len(found)
    assert [name for name in TEST_ONLY if name not in IMAGENET] == [PLAYGROUND]


@pytest.mark.parametrize('name', TEST_ONLY)
def test_there_is_nothing_to_train(name: str) -> None:
    """Breaks when a config for testing inherits a training loop, which mmengine takes
    whole or not at all."""
    cfg = read(name)
    assert all(cfg.get(key) is None for key in ('train_dataloader', 'train_cfg', 'optim_wrapper'))
    assert all(cfg.get(key) is None for key in ('val_dataloader', 'val_cfg', 'val_evaluator'))


@pytest.mark.parametrize('name', ROBUSTNESS)
def test_name_tells_what_is_tested(name: str) -> None:
    """Breaks when the model is not the fine-tuned one, so that its weights do not fit or
    are read in another way, or a set has another's name, size or metric."""
    cfg, told = read(name), NAME.fullmatch(name)
    trained = finetuning(told['arch'])
    assert cfg.model == trained.model
    assert cfg.data_preprocessor == trained.data_preprocessor
    dataset = cfg.test_dataloader.dataset
    assert cfg.test_dataloader.batch_size == int(told['batch'])
    assert dataset.data_root == f'data/imagenet-{told["kind"]}'
    assert (dataset.num_images, cfg.test_evaluator.type) == SETS[told['kind']]
    if told['kind'] == 'c':
        assert [step.type for step in dataset.pipeline] == [
            'LoadImageFromFile', 'CenterCrop', 'PackInputs',
        ]  # fmt: skip
    else:
        assert dataset.pipeline == trained.test_dataloader.dataset.pipeline
        assert dataset.num_classes == (1000 if told['kind'] == 'sketch' else 200)


@pytest.mark.parametrize('name', KNN)
def test_probes_see_the_encoder_that_was_pretrained(name: str) -> None:
    """Breaks when features come from another encoder, or of images that are cropped
    otherwise than those of a fine-tuned model."""
    cfg, told = read(name), NAME.fullmatch(name)
    rest = f'vit-{told["arch"]}-p16_8xb512-amp-src-coslr-300e_in1k.py'
    pretrained = read(f'{told["method"]}/{told["method"]}_{rest}').model.backbone
    for key in ('type', 'arch', 'img_size', 'patch_size', 'out_type'):
        assert cfg.model.backbone[key] == pretrained[key], key
    loaders = dict(train=cfg.test_cfg.bank, val=cfg.test_dataloader)
    steps = finetuning(told['arch']).test_dataloader.dataset.pipeline
    for split, loader in loaders.items():
        assert loader.batch_size == int(told['batch'])
        assert (loader.dataset.split, loader.dataset.data_root) == (split, 'data/imagenet')
        assert not loader.sampler.shuffle
        plain = [dict(step, type=step.type.split('.')[-1]) for step in loader.dataset.pipeline]
        assert plain == steps


@pytest.mark.parametrize('name', TEST_ONLY)
def test_methods_are_tested_alike(name: str) -> None:
    """Breaks when a test is changed for one method only."""
    if name.startswith('mff/'):
        assert read(name).to_dict() == read(name.replace('mff/', 'mae/', 1)).to_dict()
    else:
        assert name == PLAYGROUND or name.replace('mae/', 'mff/', 1) in TEST_ONLY


@pytest.mark.parametrize('name', [n for n in TEST_ONLY if not n.startswith('mff/')])
@pytest.mark.slow
def test_builds_at_full_size(name: str) -> None:
    """Breaks when widths or class names do not fit."""
    cfg = read(name)
    model = built_on_meta(cfg)
    side = cfg.model.backbone.img_size
    with torch.device('meta'):
        images = torch.empty(1, 3, side, side)
        if '-knn_' in name:
            (tokens,) = model.extract_feat(images)
            assert tokens.shape[1] == (side // cfg.model.backbone.patch_size) ** 2 + 1
        else:
            assert model(images).shape == (1, 1000)


@pytest.mark.parametrize('percent', [1, 10])
@pytest.mark.parametrize('arch', ['small', 'base', 'large'])
def test_few_labels_are_all_that_differs(arch: str, percent: int) -> None:
    """Breaks when fine-tuning on a part of the labels comes with another change than the
    smaller batch of the smallest part, and its rate."""
    whole = finetuning(arch)
    batch, epochs = {1: 32, 10: 128}[percent], whole.train_cfg.max_epochs
    part = read(
        f'mae/benchmarks/vit-{arch}-p16_8xb{batch}-coslr-{epochs}e_in1k-{percent}percent.py'
    )
    assert part.train_dataloader.dataset.pop('ann_file') == f'meta/train_{percent}percent.txt'
    assert (part.train_cfg.pop('val_interval'), whole.train_cfg.pop('val_interval')) == (10, 1)
    assert epochs % 10 == 0, 'the last epoch is not tested'
    rates = [run.optim_wrapper.optimizer.pop('lr') for run in (part, whole)]
    sizes = [run.auto_scale_lr.pop('base_batch_size') for run in (part, whole)]
    assert rates[0] / rates[1] == pytest.approx(sizes[0] / sizes[1])
    assert [run.train_dataloader.pop('batch_size') for run in (part, whole)] == [batch, 128]
    assert part.to_dict() == whole.to_dict()


def write(folder: Path, rng: np.random.Generator, wnid: str = 'n01498041') -> None:
    (folder / wnid).mkdir(parents=True)
    cv2.imwrite(str(folder / wnid / 'x.JPEG'), rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))


def tiny_test(cfg: Config, tmp_path: Path) -> dict:
    """The config's own test of a shrunken model, on what lies in ``tmp_path``."""
    shrink(cfg)
    for step in cfg.test_dataloader.dataset.pipeline:
        for key in ('scale', 'crop_size'):
            if key in step:
                step[key] = cfg.model.backbone.img_size
    cfg.test_dataloader.update(num_workers=0, pin_memory=False)
    cfg.test_dataloader.dataset.update(data_root=str(tmp_path / 'data'))
    return run_test(cfg, tmp_path / 'work')


def run_test(cfg: Config, work_dir: Path) -> dict:
    cfg.work_dir = str(work_dir)
    cfg.experiment_name = work_dir.name
    init_default_scope(cfg.default_scope)
    model_cfg(cfg)
    return Runner.from_cfg(cfg).test()


@pytest.mark.parametrize('kind', ['a', 'sketch'])
@pytest.mark.slow
def test_other_pictures_from_files_to_accuracy(kind: str, tmp_path: Path) -> None:
    """Breaks when labels or scores get lost between files, model and metric."""
    cfg = read(BASE.format(kind))
    rng = np.random.default_rng(0)
    for wnid in ('n01498041', 'n01531178', 'n12267677')[: 3 if kind == 'a' else 1]:
        write(tmp_path / 'data', rng, wnid)
    cfg.test_dataloader.dataset.update(num_images=None, num_classes=None)
    metrics = tiny_test(cfg, tmp_path)
    assert metrics.keys() == (
        {'accuracy/top1'} | ({'accuracy/top5'} if kind == 'sketch' else set())
    )
    if kind == 'a':
        assert any(metrics['accuracy/top1'] == pytest.approx(100 * n / 3) for n in range(4))


@pytest.mark.slow
def test_one_run_gives_all_of_imagenet_c(tmp_path: Path) -> None:
    """Breaks when a pipeline drops what a picture was spoilt by, or a set without a
    corruption still gives an mCE."""
    rng = np.random.default_rng(0)
    for corruption in CORRUPTIONS:
        for severity in SEVERITIES:
            write(tmp_path / 'data' / corruption / str(severity), rng)
    cfg = read(BASE.format('c'))
    cfg.test_dataloader.dataset.num_images = 1
    metrics = tiny_test(cfg, tmp_path)
    assert len(metrics) == 32
    assert metrics['imagenet_c/mean_error'] > 0
    relative = [metrics[f'imagenet_c/CE/{name}'] for name in CORRUPTIONS]
    assert metrics['imagenet_c/mCE'] == pytest.approx(np.mean(relative))


@pytest.mark.slow
def test_neighbours_of_a_pretrained_checkpoint(tiny_world: Path, tmp_path: Path) -> None:
    """Breaks when the test config sees other features than the probes of the run itself,
    because its encoder is built or loaded otherwise."""
    own = read('playground/mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py')
    with DefaultScope.overwrite_default_scope(own.default_scope):
        model = MODELS.build(model_cfg(own))
    model.init_weights()
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'pretrained.pth')
    results = []
    for cfg in (own, read(PLAYGROUND)):
        for key in ('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler'):
            cfg[key] = None
        for loader in (cfg.test_dataloader, cfg.test_cfg.bank):
            loader.num_workers = 0
            loader.dataset.update(data_root=str(tiny_world), indices=200)
        cfg.load_from = str(tmp_path / 'pretrained.pth')
        results.append(run_test(cfg, tmp_path / f'work_{len(results)}'))
    assert results[0] == results[1]
    assert results[0]['probe/knn_top1'] > 0
