"""Models of detection and segmentation are built, trained for a step, and predict."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.hub import get_config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DATASETS, HOOKS, METRICS, MODELS, VISUALIZERS, DefaultScope
from torch import nn

from tests.checkpoint.houses import SAMPLES
from tests.config_models import DENSE_OWN, built_on_meta, optimizer_of, read

KINDS = [
    'mae/mmdet/mask-rcnn_vit-base-p16_simple-fpn_16xb4-amp-lsj-12e_coco.py',
    'simmim/mmdet/mask-rcnn_swin-base-w7_fpn_8xb2-amp-lsj-36e_coco.py',
    'simmim/mmdet/mask-rcnn_swinv2-base-w16_fpn_8xb2-amp-lsj-36e_coco.py',
    'mae/mmseg/vit-base-p16_upernet_8xb2-amp-160k_ade20k-512x512.py',
    'mae/mmseg/vit-base-p16-table_upernet_8xb2-amp-160k_ade20k-512x512.py',
    'simmim/mmseg/swin-base-w7_upernet_8xb2-amp-160k_ade20k-512x512.py',
    'simmim/mmseg/swinv2-base-w16_upernet_8xb2-amp-160k_ade20k-512x512.py',
]
SIZE = (64, 64)
TOKENS = ('pos_embed', 'cls_token')  # of a ViT, without weight decay
TABLES = ('relative_position_bias_table', 'cpb_mlp.0.weight', 'logit_scale')  # of Swins


@pytest.mark.slow
@pytest.mark.parametrize('name', DENSE_OWN)
def test_every_parameter_has_a_rate(name: str) -> None:
    """Breaks when widths of a full-size model do not fit, a parameter is not trained, or
    a block, the neck or a head learns at another rate than its depth says."""
    cfg = read(name)
    model = built_on_meta(cfg)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        groups = optimizer_of(cfg, model).optimizer.param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    settings = {
        names[id(parameter)]: (group['lr'], group['weight_decay'])
        for group in groups
        for parameter in group['params']
    }
    assert settings.keys() == {n for n, p in model.named_parameters() if p.requires_grad}
    options = cfg.optim_wrapper
    top, decay = options.optimizer.lr, options.optimizer.weight_decay
    layers = options.paramwise_cfg.get('layer_decay_rate', 1.0)
    blocks = len(getattr(model.backbone, 'layers', ()))
    free = TOKENS if blocks else TABLES
    for name, (rate, weight_decay) in settings.items():
        assert rate == pytest.approx(top * layers ** layers_above(name, blocks)), name
        owner = model.get_submodule(name.rpartition('.')[0])
        spared = isinstance(owner, nn.LayerNorm | nn.SyncBatchNorm) or name.endswith(free)
        if spared or name.endswith('.conv.weight'):
            assert weight_decay == (0 if spared else decay), name


def layers_above(name: str, blocks: int) -> int:
    """How many a ViT's parameter has above it, the rest of the model counted as one."""
    if block := re.match(r'backbone\.layers\.(\d+)', name):
        return blocks - int(block[1])
    stem = ('backbone.patch_embed', 'backbone.pos_embed', 'backbone.cls_token')
    return blocks + 1 if name.startswith(stem) else 0


def shrunk(cfg: Config) -> Config:
    """Few narrow blocks, few regions, small images; heads as they are."""
    encoder = cfg.model.backbone
    encoder.update(img_size=SIZE[0], init_cfg=None)
    if encoder.type == 'mim_secrets.ViT':
        encoder.arch = dict(embed_dims=32, num_layers=4, num_heads=2, feedforward_channels=64)
        widths = [32] * 4
        cfg.model.neck.in_channels = 32
    else:
        encoder.arch = dict(embed_dims=16, depths=[1, 1, 2, 1], num_heads=[1, 2, 4, 8])
        widths = [16, 32, 64, 128]
        if encoder.type == 'mim_secrets.SwinV2':
            encoder.arch['extra_norm_every_n_blocks'] = 0
    if cfg.default_scope == 'mmdet':
        if 'global_blocks' in encoder:
            encoder.global_blocks = [1, 3]
            cfg.model.data_preprocessor.pad_size_divisor = SIZE[0]
        else:
            cfg.model.neck.in_channels = widths
        cfg.model.train_cfg.rpn_proposal.max_per_img = 8
        cfg.model.train_cfg.rcnn.sampler.num = 8
        cfg.model.test_cfg.rpn.max_per_img = 8
    else:
        if 'neck' in cfg.model:
            encoder.out_indices = [0, 1, 2, 3]
        cfg.model.data_preprocessor['size'] = SIZE
        for head, width in (('decode_head', widths), ('auxiliary_head', widths[2])):
            cfg.model[head].update(in_channels=width, channels=8)
        if cfg.model.test_cfg.mode == 'slide':
            cfg.model.test_cfg.update(crop_size=SIZE, stride=(43, 43))
    return cfg


def images_of(cfg: Config, count: int, size: tuple[int, int]) -> dict:
    generator = torch.Generator().manual_seed(0)
    images = [torch.randint(256, (3, *size), generator=generator).byte() for _ in range(count)]
    samples = [SAMPLES[cfg.default_scope](size) for _ in images]
    for sample in samples:
        sample.set_metainfo(dict(scale_factor=(1.0, 1.0)))
    return dict(inputs=images, data_samples=samples)


@pytest.mark.slow
@pytest.mark.parametrize('name', KINDS)
def test_it_trains_and_predicts(name: str) -> None:
    """Breaks when encoder, neck, heads, loss, optimizer or test mode of a config cannot
    work together."""
    cfg = shrunk(read(name))
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = revert_sync_batchnorm(MODELS.build(cfg.model))
        model.init_weights()
        optimizer = optimizer_of(cfg, model)
        before = {name: p.detach().clone() for name, p in model.named_parameters()}
        losses = model.train().train_step(images_of(cfg, 2, SIZE), optimizer)
        assert losses and all(value.isfinite().all() for value in losses.values()), losses
        changed = {n.split('.')[0] for n, p in model.named_parameters() if not p.equal(before[n])}
        assert changed == {name for name, child in model.named_children() if [*child.parameters()]}
        model.eval()
        with torch.no_grad():
            (sample,) = model.test_step(images_of(cfg, 1, SIZE))
    if cfg.default_scope == 'mmdet':
        assert sample.pred_instances.masks.shape[1:] == SIZE
        assert sample.pred_instances.scores.isfinite().all()
    else:
        assert sample.pred_sem_seg.data.shape == (1, *SIZE)


@pytest.mark.slow
@pytest.mark.parametrize('mode', ['slide', 'whole'])
@pytest.mark.parametrize('name', KINDS[3:5])
def test_a_segmentor_takes_images_of_any_size(name: str, mode: str) -> None:
    """Breaks when positions or tables are for crops only, so that whole images cannot be
    segmented at once, or a crop at the edge cannot."""
    cfg = shrunk(read(name))
    cfg.model.test_cfg.mode = mode
    cfg.model.data_preprocessor.test_cfg = dict(size_divisor=32)
    with DefaultScope.overwrite_default_scope(cfg.default_scope), torch.no_grad():
        model = revert_sync_batchnorm(MODELS.build(cfg.model)).eval()
        (sample,) = model.test_step(images_of(cfg, 1, (70, 101)))
    assert sample.pred_sem_seg.data.shape == (1, 70, 101)


@pytest.mark.slow
def test_upernet_is_mmsegs() -> None:
    """Breaks when a tap, a rescaling or a head differs from mmseg's UperNet after MAE, so
    that its published figure says nothing about ours."""
    ours = shrunk(read(KINDS[4]))
    theirs = get_config('mmseg::mae/mae-base_upernet_8xb2-amp-160k_ade20k-512x512.py').model
    theirs.pretrained = None
    theirs.data_preprocessor = ours.model.data_preprocessor
    sizes = dict(img_size=SIZE, embed_dims=32, num_layers=4, num_heads=2, mlp_ratio=2)
    theirs.backbone.update(sizes, out_indices=[0, 1, 2, 3])
    theirs.neck.embed_dim = 32
    for head in ('decode_head', 'auxiliary_head'):
        theirs[head].update(in_channels=ours.model[head].in_channels, channels=8)
        assert theirs[head] == ours.model[head]
    with DefaultScope.overwrite_default_scope('mmseg'):
        models = [revert_sync_batchnorm(MODELS.build(cfg)).eval() for cfg in (theirs, ours.model)]
    oracle, model = models
    torch.manual_seed(0)
    for parameter in model.parameters():
        parameter.data.normal_(std=0.3)
    renamed = {
        name.replace('attn.gamma1.weight', 'gamma_1')
        .replace('ffn.gamma2.weight', 'gamma_2')
        .replace('neck.fpn1', 'neck.upsample_4x')
        .replace('neck.fpn2', 'neck.upsample_2x'): tensor
        for name, tensor in model.state_dict().items()
    }
    result = oracle.load_state_dict(renamed, strict=False)
    assert all(name.endswith('relative_position_index') for name in result.missing_keys)
    assert not result.unexpected_keys
    images = torch.randn(2, 3, *SIZE)
    with torch.no_grad():
        for head in ('decode_head', 'auxiliary_head'):
            expected, actual = (getattr(m, head)(m.extract_feat(images)) for m in models)
            assert expected.std() > 1e-3
            torch.testing.assert_close(actual, expected, atol=1e-5, rtol=1e-4)


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One photograph, in the layouts of COCO and of ADE20K."""
    root = tmp_path_factory.mktemp('world')
    image = np.random.default_rng(0).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    ring = [20.0, 20, 140, 20, 140, 100, 20, 100]
    box = dict(id=1, image_id=1, category_id=3, bbox=[20, 20, 120, 80], area=9600, iscrowd=0)
    content = dict(
        images=[dict(id=1, file_name='1.jpg', height=120, width=160)],
        annotations=[dict(box, segmentation=[ring])],
        categories=[
            dict(id=number, name=name)
            for number, name in enumerate(['person', 'bicycle', 'car'], start=1)
        ],
    )
    (root / 'annotations').mkdir()
    for split in ('train2017', 'val2017'):
        (root / split).mkdir()
        cv2.imwrite(str(root / split / '1.jpg'), image)
        (root / f'annotations/instances_{split}.json').write_text(json.dumps(content))
    for split in ('training', 'validation'):
        for kind in ('images', 'annotations'):
            (root / kind / split).mkdir(parents=True)
        cv2.imwrite(str(root / 'images' / split / '1.jpg'), image)
        cv2.imwrite(str(root / 'annotations' / split / '1.png'), image[..., 0] % 151)
    return root


@pytest.mark.slow
@pytest.mark.parametrize('key', ['train_dataloader', 'val_dataloader'])
@pytest.mark.parametrize('name', [KINDS[0], KINDS[3]])
def test_pipelines_read_a_real_file(name: str, key: str, world: Path) -> None:
    """Breaks when a transform is unknown or misplaced, or the library's own base cannot
    be inherited from any more."""
    cfg = read(name)
    dataset = cfg[key].dataset
    dataset.data_root = f'{world}/'
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        dataset = DATASETS.build(dataset)
    assert len(dataset) == 1
    sample = dataset[0]
    assert sample['inputs'].dtype == torch.uint8
    height, width = sample['inputs'].shape[1:]
    if cfg.default_scope == 'mmdet':
        assert max(height, width) <= 1024
        if key == 'val_dataloader':
            assert (height, width) == (768, 1024)
            assert sample['data_samples'].gt_instances.labels.tolist() == [2]
    else:
        labels = sample['data_samples'].gt_sem_seg.data.unique()
        assert labels.max() == 255 and labels[:-1].max() < 150
        assert max(height, width) <= 512 or (height, width) == (512, 683)


@pytest.mark.slow
@pytest.mark.parametrize('name', [KINDS[0], KINDS[3]])
def test_hooks_visualizer_and_metric_exist(name: str, world: Path, tmp_path: Path) -> None:
    """Breaks when a base's hook is renamed, or a hook or metric gets an unknown
    key."""
    cfg = read(name)
    if 'ann_file' in cfg.val_evaluator:
        cfg.val_evaluator.ann_file = str(world / 'annotations/instances_val2017.json')
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        visualizer = VISUALIZERS.build(dict(cfg.visualizer, save_dir=str(tmp_path), name=name))
        for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
            assert isinstance(HOOKS.build(hook), Hook)
        METRICS.build(cfg.val_evaluator)
        visualizer.close()
