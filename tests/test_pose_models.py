"""Models of pose read the playground, are trained for a step, and are scored."""

import copy
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.registry import DATASETS, HOOKS, MODELS, VISUALIZERS, DefaultScope
from mmpose.engine.optim_wrappers.layer_decay_optim_wrapper import (
    LayerDecayOptimWrapperConstructor,
)
from PIL import Image
from torch import nn
from torchvision.transforms import ColorJitter

from mim_secrets.datasets.playground import CocoPlayground, CrowdPosePlayground, fill
from tests.config_models import built_on_meta, optimizer_of, read
from tests.test_pose_configs import COCO, PLAYGROUND, POSE_OWN, VIT, vitpose

pytestmark = pytest.mark.slow  # models at full size, files on disk

KINDS = [
    'mae/mmpose/td-hm_vit-base-p16_classic_8xb64-amp-210e_coco-256x192.py',
    'mae/mmpose/td-hm_vit-base-p16_simple_8xb64-amp-210e_crowdpose-256x192.py',
    'simmim/mmpose/td-hm_swinv2-base-w16_deconv_8xb32-amp-150e_coco-256x256.py',
    'simmim/mmpose/td-hm_swinv2-base-w16_deconv_8xb32-amp-150e_crowdpose-256x256-gt.py',
]
BLOCKS = (2, 2, 18, 2)  # of SwinV2-B and -L
WIDTH = 32


@pytest.mark.parametrize('name', COCO)
def test_every_parameter_has_a_rate(name: str) -> None:
    """Breaks when widths of a full-size model do not fit, a parameter is not trained, or
    a block, the neck or the head learns at another rate than its depth says."""
    cfg = read(name)
    model = built_on_meta(cfg)
    settings = settings_of(model, optimizer_of(cfg, model).optimizer.param_groups)
    assert settings.keys() == {n for n, p in model.named_parameters() if p.requires_grad}
    options = cfg.optim_wrapper
    top, decay = options.optimizer.lr, options.optimizer.weight_decay
    layers = options.paramwise_cfg.layer_decay_rate
    for name, (rate, weight_decay) in settings.items():
        assert rate == pytest.approx(top * layers ** layers_above(model, name)), name
        parameter = model.get_parameter(name)
        spared = parameter.ndim == 1 or name.endswith('pos_embed') or 'cpb_mlp' in name
        spared = spared or name.endswith('logit_scale')
        assert weight_decay == (0 if spared else decay), name


def settings_of(model: nn.Module, groups: list[dict]) -> dict[str, tuple[float, float]]:
    """Rate and weight decay of every parameter that is trained."""
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    return {
        names[id(parameter)]: (group['lr'], group['weight_decay'])
        for group in groups
        for parameter in group['params']
    }


def layers_above(model: nn.Module, name: str) -> int:
    """How many a parameter has above it, the rest of the model counted as one."""
    if hasattr(model.backbone, 'layers'):
        blocks = len(model.backbone.layers)
        if block := re.match(r'backbone\.layers\.(\d+)', name):
            return blocks - int(block[1])
        return blocks + 1 if name.startswith(('backbone.patch_embed', 'backbone.pos_')) else 0
    count = sum(BLOCKS) + len(BLOCKS) - 1  # a patch merging is a layer too
    if name.startswith('backbone.patch_embed'):
        return count + 1
    if block := re.match(r'backbone\.stages\.(\d)\.blocks\.(\d+)', name):
        stage, index = int(block[1]), int(block[2])
        return count - (sum(BLOCKS[:stage]) + stage + index)
    if merging := re.match(r'backbone\.stages\.(\d)\.downsample', name):
        stage = int(merging[1])  # SwinV2's stands before the stage's first block
        return count - (sum(BLOCKS[:stage]) + stage - 1)
    return 0


@pytest.mark.parametrize('name', [VIT[0], VIT[-1]])
def test_rates_are_mmposes(name: str) -> None:
    """Breaks when our constructor gives a parameter of ViTPose another rate or weight decay
    than mmpose's does."""
    cfg = read(name)
    model = built_on_meta(cfg)
    wrapper = vitpose(name).optim_wrapper
    oracle = dict(type='OptimWrapper', optimizer=wrapper.optimizer)
    theirs = LayerDecayOptimWrapperConstructor(oracle, wrapper.paramwise_cfg)(model)
    ours = optimizer_of(cfg, model)
    expected = settings_of(model, theirs.optimizer.param_groups)
    assert settings_of(model, ours.optimizer.param_groups) == {
        name: (pytest.approx(rate), decay) for name, (rate, decay) in expected.items()
    }


def shrunk(cfg: Config) -> Config:
    """Few narrow blocks and short deconvolutions; crops and heat maps as they are."""
    encoder, head = cfg.model.backbone, cfg.model.head
    encoder.init_cfg = None
    if encoder.type == 'mim_secrets.SwinV2':
        encoder.arch = dict(embed_dims=16, depths=[1, 1, 2, 1], num_heads=[1, 2, 4, 8])
        encoder.arch['extra_norm_every_n_blocks'] = 0
        head.in_channels = 8 * 16
    else:
        encoder.arch = dict(
            embed_dims=WIDTH, num_layers=2, num_heads=2, feedforward_channels=2 * WIDTH
        )
        head.in_channels = WIDTH
    if head.deconv_out_channels:
        head.deconv_out_channels = [8 for _ in head.deconv_out_channels]
    return cfg


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few images in the layouts of COCO and of CrowdPose."""
    root = tmp_path_factory.mktemp('data')
    fill(root / 'coco', replace(CocoPlayground.of('tiny'), train=6, val=6))
    fill(root / 'crowdpose', replace(CrowdPosePlayground.of('tiny'), train=2, val=1))
    return root


def on(world: Path, cfg: Config) -> Config:
    """The config, with its data replaced by the playground's."""
    for key in ('train_dataloader', 'val_dataloader'):
        dataset = cfg[key].dataset
        root, dataset.data_root = dataset.data_root, moved(dataset.data_root, world)
        if dataset.get('bbox_file'):
            assert dataset.bbox_file.startswith(root)
            dataset.bbox_file = moved(dataset.bbox_file, world)
    cfg.val_evaluator.ann_file = moved(cfg.val_evaluator.ann_file, world)
    return cfg


def moved(path: str, world: Path) -> str:
    return re.sub(r'^data/(playground_)?', f'{world}/', path)


@pytest.mark.parametrize('name', [*KINDS, *PLAYGROUND])
def test_it_trains_predicts_and_is_scored(name: str, world: Path) -> None:
    """Breaks when pipelines, encoder, neck, head, loss, optimizer, flip test or metric of a
    config cannot work together, or the boxes are not those that the name tells."""
    cfg = on(world, read(name))
    cfg = cfg if name in PLAYGROUND else shrunk(cfg)
    cfg.model.backbone.init_cfg = None
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        train, val = (DATASETS.build(cfg[f'{key}_dataloader'].dataset) for key in ('train', 'val'))
        model = MODELS.build(cfg.model)
        model.init_weights()
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        batch = pseudo_collate([train[index] for index in range(2)])
        losses = model.train().train_step(batch, optimizer_of(cfg, model))
        assert losses['loss_kpt'].isfinite() and losses['loss_kpt'] > 0
        changed = {n.split('.')[0] for n, p in model.named_parameters() if not p.equal(before[n])}
        assert changed == {name for name, child in model.named_children() if [*child.parameters()]}
        evaluator = Evaluator(cfg.val_evaluator)
        evaluator.dataset_meta = val.metainfo
        people = [val[index] for index in range(len(val))]
        batch = pseudo_collate(people)
        with torch.no_grad():
            samples = model.eval().val_step(batch)
        evaluator.process(samples, batch)
        metrics = evaluator.evaluate(len(samples))
    points = cfg.model.head.out_channels
    assert samples[0].pred_instances.keypoints.shape == (1, points, 2)
    assert 0 <= metrics[('crowdpose' if 'crowdpose' in name else 'coco') + '/AP'] <= 1
    scores = {float(s.gt_instances.bbox_scores[0]) for s in samples}
    detected = '-gt.' not in name and 'playground-coco' not in name
    assert (scores != {1.0}) == detected


def test_colours_are_jittered() -> None:
    """Breaks when hues cannot be turned either way, as mmcv's cannot with NumPy 2, or blue
    is taken for red."""
    pipeline = read(KINDS[2]).train_dataloader.dataset.pipeline
    (middle,) = (i for i, step in enumerate(pipeline) if step.type.endswith('ColorJitter'))
    image = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    oracle = ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2)
    with DefaultScope.overwrite_default_scope('mmpose'):
        jitter = Compose(pipeline[middle - 1 : middle + 2])
    for seed in range(8):
        torch.manual_seed(seed)
        jittered = jitter(dict(img=image))['img']
        torch.manual_seed(seed)
        expected = np.asarray(oracle(Image.fromarray(image[..., ::-1])))[..., ::-1]
        assert (jittered == expected).all() and (jittered != image).any()


@pytest.mark.parametrize('name', [KINDS[0], VIT[1]])
def test_vitpose_computes_what_mmposes_does(name: str) -> None:
    """Breaks when padding, positions, the last norm or the order of patches differs from
    ViTPose on mmpretrain's encoder with the same weights."""
    ours, theirs = shrunk(read(name)).model, copy.deepcopy(vitpose(name).model)
    for key in ('arch', 'init_cfg'):
        theirs.backbone[key] = ours.backbone[key]
    for key in ('in_channels', 'deconv_out_channels'):
        theirs.head[key] = ours.head[key]
    with DefaultScope.overwrite_default_scope('mmpose'):
        model, oracle = (MODELS.build(cfg).eval() for cfg in (ours, theirs))
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.3)
    oracle.load_state_dict(model.state_dict())
    images = torch.randn(2, 3, 256, 192)
    with torch.no_grad():
        actual, expected = (m.head(m.extract_feat(images)) for m in (model, oracle))
    assert expected.shape == (2, 17, 64, 48) and expected.std() > 1e-2
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-5)


def test_a_square_checkpoint_fills_the_padded_rectangle(tmp_path: Path) -> None:
    """Breaks when the class token or the square grid of a pre-training run stops it from
    becoming ViTPose's encoder, or positions lose their place."""
    cfg = shrunk(read(KINDS[0])).model
    options = dict(type='mim_secrets.ViT', arch=cfg.backbone.arch, img_size=224, patch_size=16)
    trained = MODELS.build(options)
    for parameter in trained.parameters():
        parameter.data.normal_()
    ramp = torch.arange(14.0)  # of rows in the first channel, of columns in the second
    squares = trained.pos_embed.data[:, 1:].view(14, 14, WIDTH)
    squares[..., 0], squares[..., 1] = ramp[:, None], ramp
    state = {f'backbone.{name}': tensor for name, tensor in trained.state_dict().items()}
    torch.save(dict(state_dict=state), tmp_path / 'pretrained.pth')
    path = str(tmp_path / 'pretrained.pth')
    cfg.backbone.init_cfg = dict(type='SharedCheckpoint', checkpoint=path)
    with DefaultScope.overwrite_default_scope('mmpose'):
        model = MODELS.build(cfg)
        model.init_weights()
    encoder = model.backbone
    for name, tensor in encoder.state_dict().items():
        if name != 'pos_embed':
            torch.testing.assert_close(tensor, trained.state_dict()[name])
    positions = encoder.pos_embed.detach().view(16, 12, WIDTH)
    assert (positions[:, :, 0].diff(dim=0) > 0).all() and (positions[:, :, 1].diff(dim=1) > 0).all()
    assert positions[..., 0].mean() == pytest.approx(6.5, abs=0.1)
    assert encoder(torch.randn(1, 3, 256, 192))[0].shape == (1, WIDTH, 16, 12)


@pytest.mark.parametrize('name', [POSE_OWN[0], PLAYGROUND[0]])
def test_hooks_and_visualizer_exist(name: str, tmp_path: Path) -> None:
    """Breaks when a base's hook is renamed, or gets an unknown key."""
    cfg = read(name)
    with DefaultScope.overwrite_default_scope('mmpose'):
        visualizer = VISUALIZERS.build(dict(cfg.visualizer, save_dir=str(tmp_path), name=name))
        for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
            assert isinstance(HOOKS.build(hook), Hook)
        visualizer.close()
