"""The quickstart's MAE with simple resized crops in place of random resized ones."""

_base_ = './mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'

train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='LoadImageFromFile'),
    dict(type='SimpleResizedCrop', scale=32),
    dict(type='RandomFlip', prob=0.5),
    dict(type='mmpretrain.PackInputs'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
