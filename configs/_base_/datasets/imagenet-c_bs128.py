"""ImageNet-C: the validation images, spoilt in 15 ways and 5 strengths.

They come cropped to 224 pixels, so nothing is resized, as in the benchmark's own test.
"""

data_preprocessor = dict(
    num_classes=1000,
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    to_rgb=True,
)
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='CenterCrop', crop_size=224),
    dict(type='PackInputs', meta_keys=('img_path', 'corruption', 'severity')),
]
test_dataloader = dict(
    batch_size=128,
    num_workers=8,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mim_secrets.ImageNetC',
        data_root='data/imagenet-c',
        num_images=50000,
        pipeline=test_pipeline,
    ),
)
test_evaluator = dict(type='mim_secrets.CorruptionError')
test_cfg = dict()
