"""Detection and segmentation on the playground: the real runs, made small."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from mim_secrets.datasets.playground import (
    ADE20K_CLASSES,
    COCO_CLASSES,
    Ade20kPlayground,
    CocoPlayground,
    fill,
)
from mim_secrets.models import ViT
from tests.config_models import DENSE_PLAYGROUND, ROOT, read

pytestmark = pytest.mark.slow  # they build models and train

NAME = re.compile(
    r'playground/(?P<mmdet>mask-rcnn_)?vit-nano-p(?P<patch>\d+)_(simple-fpn|upernet)_'
    r'1xb(?P<batch>\d+)-(lsj-(?P<epochs>\d+)e_playground-coco|'
    r'(?P<iterations>\d+)it_playground-ade20k)-(?P<size>\d+)px\.py'
)
REAL = dict(
    mmdet='mae/mmdet/mask-rcnn_vit-base-p16_simple-fpn_16xb4-amp-lsj-12e_coco.py',
    mmseg='mae/mmseg/vit-base-p16_upernet_8xb2-amp-160k_ade20k-512x512.py',
)
WORLDS = dict(mmdet=CocoPlayground, mmseg=Ade20kPlayground)
CLASSES = dict(mmdet=COCO_CLASSES, mmseg=ADE20K_CLASSES)
METRICS = dict(mmdet={'coco/bbox_mAP', 'coco/segm_mAP'}, mmseg={'mIoU', 'mAcc', 'aAcc'})
# What is told in pixels, patches, channels, blocks or numbers of things.
SIZES = {
    *('img_size', 'patch_size', 'window_size', 'size', 'crop_size', 'stride', 'strides'),
    *('pad_size_divisor', 'featmap_strides', 'finest_scale', 'scale', 'ratio_range'),
    *('embed_dims', 'num_layers', 'num_heads', 'feedforward_channels', 'in_channels'),
    *('out_channels', 'feat_channels', 'conv_out_channels', 'fc_out_channels', 'channels'),
    *('global_blocks', 'out_indices', 'num_convs', 'num_classes', 'num', 'nms_pre', 'max_per_img'),
}
_runs = count()


def test_there_is_one_of_each() -> None:
    """Breaks when a config is renamed, and every other test here finds nothing."""
    assert Counter(read(name).default_scope for name in DENSE_PLAYGROUND) == dict.fromkeys(REAL, 1)


@pytest.mark.parametrize('name', DENSE_PLAYGROUND)
def test_name_tells_what_is_trained(name: str) -> None:
    """Breaks when a size or a length was changed and the name was not, or the head learns
    other classes than were drawn."""
    told, cfg = NAME.fullmatch(name), read(name)
    assert told, f'{name} is not named like the other'
    size, encoder = int(told['size']), cfg.model.backbone
    assert cfg.default_scope == ('mmdet' if told['mmdet'] else 'mmseg')
    assert (encoder.img_size, encoder.patch_size) == (size, int(told['patch']))
    assert cfg.train_dataloader.batch_size == int(told['batch'])
    assert cfg.auto_scale_lr.base_batch_size == int(told['batch'])
    steps = cfg.train_dataloader.dataset.pipeline
    assert [step.crop_size for step in steps if 'crop_size' in step] == [(size, size)]
    length = cfg.train_cfg.get('max_epochs') or cfg.train_cfg.max_iters
    assert length == int(told['epochs'] or told['iterations']) == cfg.train_cfg.val_interval
    assert cfg.param_scheduler[-1].end == cfg.default_hooks.checkpoint.interval == length
    heads = (
        (cfg.model.roi_head.bbox_head, cfg.model.roi_head.mask_head)
        if told['mmdet']
        else (cfg.model.decode_head, cfg.model.auxiliary_head)
    )
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert cfg[key].dataset.metainfo.classes == CLASSES[cfg.default_scope]
    assert {head.num_classes for head in heads} == {len(CLASSES[cfg.default_scope])}


@pytest.mark.parametrize('name', DENSE_PLAYGROUND)
def test_it_is_the_real_run_in_small(name: str) -> None:
    """Breaks when the playground trains another model, with other augmentation or by other
    rules than the run that it stands for."""
    cfg = read(name)
    real = read(REAL[cfg.default_scope])
    # on a CPU: no mixed precision, and no batch norm over several devices
    assert real.optim_wrapper.pop('type') == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.pop('type') == 'OptimWrapper'
    real.optim_wrapper.pop('dtype'), real.optim_wrapper.pop('loss_scale')
    for which in (cfg, real):
        which.optim_wrapper.optimizer.pop('fused', None)  # speed alone
    if cfg.default_scope == 'mmseg':  # from half a patch on, since a quarter of one is a pixel
        assert cfg.model.pop('neck').rescales == [2, 1, 0.5, 0.25]
        assert real.model.pop('neck').type == 'mim_secrets.SimpleFeaturePyramid'
    for part in ('model', 'optim_wrapper', 'val_evaluator'):
        ours, theirs = (dict(leaves(which[part])) for which in (cfg, real))
        theirs = {k: 'BN' if v == 'SyncBN' else v for k, v in theirs.items()}
        changed = {k for k in ours.keys() | theirs.keys() if ours.get(k) != theirs.get(k)}
        names = {path.split('.')[-1] for path in changed} - SIZES
        assert names <= ALLOWED[part], part
    for key in ('train_dataloader', 'val_dataloader'):
        ours, theirs = (which[key].dataset for which in (cfg, real))
        assert ours.type == theirs.type
        for step, original in zip(ours.pipeline, theirs.pipeline, strict=True):
            assert {k: v for k, v in step.items() if k not in SIZES} == {
                k: v for k, v in original.items() if k not in SIZES
            }


# Beside sizes: the positions of the pre-trained encoder, and how fast and far it is trained.
ALLOWED = dict(
    model={'arch', 'position', 'relative_position'},
    optim_wrapper={'lr', 'weight_decay', 'layer_decay_rate'},
    val_evaluator={'ann_file'},
)


def leaves(part: object, path: str = '') -> Iterator[tuple[str, object]]:
    """Dotted path -> value, lists being values."""
    if not isinstance(part, dict):
        yield path, part
        return
    for key, value in part.items():
        if key != '_scope_':
            yield from leaves(value, f'{path}.{key}' if path else key)


@pytest.fixture(scope='module')
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A few images in either layout."""
    roots = {}
    for library, kind in WORLDS.items():
        roots[library] = tmp_path_factory.mktemp(library)
        fill(roots[library], replace(kind.of('tiny'), train=8, val=3))
    return roots


class Watch(Hook):
    """Notes which weights a run begins with, and everything that it is shown."""

    def __init__(self) -> None:
        self.shown, self.weights = [], {}

    def before_train(self, runner: Runner) -> None:
        self.weights = {k: v.detach().clone() for k, v in runner.model.state_dict().items()}

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: dict) -> None:
        for image, sample in zip(data_batch['inputs'], data_batch['data_samples'], strict=True):
            self.shown.append((sample.img_path, image.numpy().tobytes(), str(truth_of(sample))))


def truth_of(sample: object) -> object:
    if 'gt_sem_seg' in sample:
        return sample.gt_sem_seg.data.numpy().tobytes()
    return sample.gt_instances.bboxes.tensor.tolist(), sample.gt_instances.labels.tolist()


class Run(NamedTuple):
    """What a short run was shown, what it began with, and its metrics."""

    shown: list
    weights: dict[str, torch.Tensor]
    metrics: dict[str, float]


def train(cfg: Config, root: Path, work_dir: Path, init_cfg: dict | None) -> Run:
    """Two steps and a validation, as ``tools/train.py`` would."""
    cfg.model.backbone.init_cfg = init_cfg
    cfg.update(work_dir=str(work_dir), log_level='ERROR', experiment_name=f'dense_{next(_runs)}')
    for key in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        cfg[key].dataset.data_root = f'{root}/'
        cfg[key].dataset.pop('indices', None)
    cfg.train_dataloader.batch_size = 4
    for key in ('val_evaluator', 'test_evaluator'):
        if 'ann_file' in cfg[key]:
            cfg[key].ann_file = f'{root}/annotations/instances_val2017.json'
    unit = 'max_epochs' if 'max_epochs' in cfg.train_cfg else 'max_iters'
    length = dict(max_epochs=1, max_iters=2)[unit]
    cfg.train_cfg.update({unit: length, 'val_interval': length})
    watch = Watch()
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        runner = Runner.from_cfg(cfg)
        runner.register_hook(watch)
        runner.train()
    scalars = runner.message_hub.log_scalars
    metrics = {k[4:]: v.current() for k, v in scalars.items() if k.startswith('val/')}
    return Run(watch.shown, watch.weights, metrics)


@pytest.mark.parametrize('name', DENSE_PLAYGROUND)
def test_a_checkpoint_changes_the_encoder_only(
    name: str, worlds: dict[str, Path], tmp_path: Path
) -> None:
    """Breaks when a run from a checkpoint sees other images, other crops or another order
    than one from scratch, or its neck and heads begin elsewhere; or when a training step
    or a validation step fails."""
    cfg = read(name)
    options = dict(arch=cfg.model.backbone.arch, position='sincos', img_size=32, patch_size=4)
    file = tmp_path / 'pretrained.pth'
    pretrained = ViT(**options, final_norm=False).state_dict()
    torch.save({f'backbone.{k}': v for k, v in pretrained.items()}, file)
    shared = dict(type='SharedCheckpoint', checkpoint=str(file))
    root = worlds[cfg.default_scope]
    scratch, loaded = (
        train(read(name), root, tmp_path / folder, init_cfg)
        for folder, init_cfg in (('scratch', None), ('loaded', shared))
    )
    assert len(scratch.shown) == 8 and len({path for path, *_ in scratch.shown}) > 4
    assert scratch.shown == loaded.shown
    assert scratch.weights.keys() == loaded.weights.keys()
    for weight, value in scratch.weights.items():
        if not weight.startswith('backbone.'):
            assert value.equal(loaded.weights[weight]), weight
    qkv = 'layers.0.attn.qkv.weight'
    assert loaded.weights[f'backbone.{qkv}'].equal(pretrained[qkv])
    assert not scratch.weights[f'backbone.{qkv}'].equal(pretrained[qkv])
    for run in (scratch, loaded):
        assert METRICS[cfg.default_scope] <= run.metrics.keys()


def test_commands_name_configs_that_exist() -> None:
    """Breaks when a config of the page is renamed."""
    page = (ROOT / 'docs/en/detection_segmentation.md').read_text()
    named = re.findall(r'configs/[\w/.-]+\.py', page)
    assert len(named) > 4
    assert all((ROOT / path).is_file() for path in named)
