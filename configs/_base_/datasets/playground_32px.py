"""The embedded world at 32 pixels, for pre-training and its probes.

Drawn by `python tools/dataset_converters/make_playground.py data/playground`.
"""

data_root = 'data/playground'
classes = [
    'ball', 'block', 'can', 'cone', 'cross',
    'figure', 'pyramid', 'ring', 'table', 'wedge',
]  # fmt: skip
data_preprocessor = dict(
    type='mmpretrain.SelfSupDataPreprocessor',
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='LoadImageFromFile'),
    dict(type='mmpretrain.RandomResizedCrop', scale=32, crop_ratio_range=(0.4, 1.0)),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmpretrain.PackInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(32, 32)),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(
    batch_size=64,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    drop_last=True,
    dataset=dict(
        type='mmpretrain.ImageNet',
        data_root=data_root,
        metainfo=dict(classes=classes),
        split='train',
        pipeline=train_pipeline,
    ),
)

# The probes read the labels of the training images and are tested on the others.
bank = dict(
    batch_size=256,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmpretrain.ImageNet',
        data_root=data_root,
        metainfo=dict(classes=classes),
        split='train',
        pipeline=test_pipeline,
    ),
)
test_dataloader = dict(
    batch_size=256,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmpretrain.ImageNet',
        data_root=data_root,
        metainfo=dict(classes=classes),
        split='val',
        pipeline=test_pipeline,
    ),
)
test_cfg = dict(type='ProbeLoop', bank=bank)
test_evaluator = []
