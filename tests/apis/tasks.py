"""One small untrained model for each task, as a run leaves it: a config and a checkpoint."""

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import DATASETS, MODELS, DefaultScope

from mim_secrets.datasets.playground import Style, render, sample_scene
from tests.config_models import read
from tests.test_downstream_models import KINDS, shrunk

CLASSES = ['figure', 'cone', 'ball']
TASKS = ('classification', 'detection', 'segmentation', 'pose', 'depth')
VIT = dict(
    type='mim_secrets.ViT',
    arch=dict(embed_dims=32, num_layers=2, num_heads=2, feedforward_channels=64),
    patch_size=16,
)


class Trained(NamedTuple):
    """Where the config and the checkpoint of a model are; their folder is a work directory."""

    config: Path
    weights: Path


def write_task(task: str, folder: Path, **meta: object) -> Trained:
    """A config, and a checkpoint with random weights that knows ``meta`` of its data."""
    cfg = globals()[f'_{task}']()
    folder.mkdir(parents=True, exist_ok=True)
    cfg.dump(folder / f'{task}.py')
    torch.manual_seed(0)
    model_cfg = dict(cfg.model)
    model_cfg.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        model = revert_sync_batchnorm(MODELS.build(model_cfg))
        known = DATASETS.build(dict(cfg.test_dataloader.dataset, lazy_init=True)).metainfo
    for parameter in model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    content = dict(state_dict=model.state_dict(), meta=dict(dataset_meta={**known, **meta}))
    torch.save(content, folder / 'epoch_1.pth')
    return Trained(folder / f'{task}.py', folder / 'epoch_1.pth')


def write_picture(path: Path, index: int = 5, size: tuple[int, int] = (72, 96)) -> np.ndarray:
    """A scene of the playground in a file, and as it will be decoded: BGR."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), render(sample_scene(0, index, Style()), size).image[..., ::-1])
    return cv2.imread(str(path))


def _classification() -> Config:
    pipeline = [
        dict(type='LoadImageFromFile'),
        dict(type='Resize', scale=(32, 32)),
        dict(type='PackInputs'),
    ]
    dataset = dict(type='CustomDataset', data_root='nowhere', pipeline=pipeline)
    return Config(
        dict(
            default_scope='mmpretrain',
            model=dict(
                type='ImageClassifier',
                backbone=dict(VIT, img_size=32, out_type='avg_featmap', final_norm=False),
                head=dict(type='LinearClsHead', num_classes=3, in_channels=32),
            ),
            data_preprocessor=dict(mean=[120.0] * 3, std=[60.0] * 3, to_rgb=True),
            test_dataloader=dict(
                collate_fn=dict(type='default_collate'),
                dataset=dict(dataset, metainfo=dict(classes=CLASSES)),
            ),
        )
    )


def _detection() -> Config:
    cfg = shrunk(read(KINDS[0]))
    heads = cfg.model.roi_head
    heads.bbox_head.update(num_classes=3, fc_out_channels=16)
    heads.mask_head.update(num_classes=3, conv_out_channels=16)
    cfg.model.test_cfg.rcnn.update(score_thr=0.0, max_per_img=6)
    resize = dict(type='Resize', scale=(64, 64), keep_ratio=True)
    return _on_small_images(cfg, resize, metainfo=dict(classes=['person', 'cone', 'ball']))


def _segmentation() -> Config:
    cfg = shrunk(read(KINDS[3]))
    for head in (cfg.model.decode_head, cfg.model.auxiliary_head):
        head.num_classes = 3
    resize = dict(type='Resize', scale=(128, 64), keep_ratio=True)
    return _on_small_images(cfg, resize, metainfo=dict(classes=['wall', 'sky', 'tree']))


def _pose() -> Config:
    name = 'td-hm_ViTPose-base-simple_8xb64-210e_coco-256x192.py'
    cfg = get_config(f'mmpose::body_2d_keypoint/topdown_heatmap/coco/{name}')
    options = dict(img_size=(64, 48), with_cls_token=False, out_type='featmap')
    cfg.model.backbone = dict(VIT, patch_cfg=dict(padding=2), **options)
    codec = dict(type='UDPHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1)
    cfg.model.head.update(in_channels=32, decoder=codec)
    for step in cfg.test_dataloader.dataset.pipeline:
        if step.type == 'TopdownAffine':
            step.input_size = (48, 64)
    return cfg


def _depth() -> Config:
    cfg = read('mae/depth/vit-base-p16_deconv_8xb3-25e_nyu-480x480.py')
    cfg.model.backbone = dict(VIT, img_size=64, out_type='featmap')
    cfg.model.decode_head.update(in_channels=32, channels=8)
    return cfg


def _on_small_images(cfg: Config, resize: dict, metainfo: dict) -> Config:
    dataset = cfg.test_dataloader.dataset
    dataset.metainfo = metainfo
    for index, step in enumerate(dataset.pipeline):
        if 'Resize' in step.type:
            dataset.pipeline[index] = resize
    return cfg
