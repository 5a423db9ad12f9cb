"""A model, two classes of images and a runner, all as small as they can be."""

from itertools import count
from pathlib import Path

import cv2
import numpy as np
from mmengine.runner import Runner

SIZE = 32
BACKBONE = dict(
    type='mim_secrets.ViT',
    arch=dict(embed_dims=48, num_layers=3, num_heads=3, feedforward_channels=96),
    img_size=SIZE,
    patch_size=8,
    out_type='raw',
)
PREPROCESSOR = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], to_rgb=True)
MODEL = dict(
    type='mim_secrets.MAE',
    backbone=BACKBONE,
    neck=dict(type='mim_secrets.MAEDecoder', dims=32, depth=1, num_heads=4),
    head=dict(type='mim_secrets.PixelHead'),
    masking=dict(type='mim_secrets.RandomMasking', ratio=0.75),
    data_preprocessor=PREPROCESSOR,
)
_runs = count()


def write_images(root: Path, per_class: int = 6) -> Path:
    """``root/{dark,light}/*.png``: noise in two shades of grey that do not meet."""
    generator = np.random.default_rng(0)
    for shade, name in ((60, 'dark'), (190, 'light')):
        (root / name).mkdir(parents=True)
        for index in range(per_class):
            noise = generator.integers(-50, 50, (SIZE, SIZE, 3))
            cv2.imwrite(str(root / name / f'{index}.png'), np.uint8(shade + noise))
    return root


def dataset(root: Path, *augmentation: dict) -> dict:
    """Config of a labelled data set of the images under ``root``."""
    return dict(
        type='mmpretrain.CustomDataset',
        data_prefix=str(root),
        pipeline=[
            dict(type='LoadImageFromFile'),
            *augmentation,
            dict(type='mmpretrain.PackInputs'),
        ],
    )


def loader(root: Path, *augmentation: dict, **sampler: object) -> dict:
    """Config of a data loader, in batches of five so that the last is smaller."""
    return dict(
        batch_size=5,
        num_workers=0,
        sampler=dict(type='DefaultSampler', **{'shuffle': False, **sampler}),
        collate_fn=dict(type='default_collate'),
        dataset=dataset(root, *augmentation),
    )


def runner(work_dir: Path, **overrides: object) -> Runner:
    """A runner that logs to ``work_dir`` and is seeded."""
    cfg = dict(
        model=MODEL,
        work_dir=str(work_dir),
        default_scope='mim_secrets',
        experiment_name=f'tiny_run_{next(_runs)}',  # mmengine shares loggers by name
        log_level='ERROR',
        randomness=dict(seed=0),
        visualizer=dict(
            type='Visualizer',
            vis_backends=[
                dict(type='LocalVisBackend'),
                dict(type='TensorboardVisBackend'),
            ],
        ),
    )
    return Runner(**{**cfg, **overrides})


def training(root: Path, epochs: int = 2) -> dict:
    """What a runner needs beside a model in order to train on ``root``."""
    flip = dict(type='RandomFlip', prob=0.5)
    return dict(
        train_dataloader=loader(root, flip, shuffle=True),
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        optim_wrapper=dict(optimizer=dict(type='AdamW', lr=1e-3)),
    )
