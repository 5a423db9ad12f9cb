"""ImageNet-1k for pre-training, augmented as PixMIM and MFF do: simple resized crops."""

_base_ = './imagenet_bs512_rrc.py'

train_pipeline = [
    dict(type='SeedSample'),
    dict(type='LoadImageFromFile'),
    dict(type='SimpleResizedCrop', scale=224, padding=4, interpolation='bicubic'),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
