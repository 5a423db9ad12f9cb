"""ImageNet-A: photographs of 200 of the classes, chosen because ResNet-50 failed."""

data_preprocessor = dict(
    num_classes=1000,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(
        type='ResizeEdge',
        scale=256,
        edge='short',
        backend='pillow',
        interpolation='bicubic',
    ),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs'),
]
test_dataloader = dict(
    batch_size=128,
    num_workers=8,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mim_secrets.ImageNetVariant',
        data_root='data/imagenet-a',
        num_images=7500,
        num_classes=200,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='mim_secrets.SubsetAccuracy')
test_cfg = dict()
