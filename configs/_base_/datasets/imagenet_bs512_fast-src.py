"""ImageNet-1k for pre-training: PixMIM's and MFF's crops, made before anything else is done.

The crops are those of `imagenet_bs512_src.py`, image by image.
"""

_base_ = './imagenet_bs512_fast-rrc.py'

train_pipeline = [
    dict(type='SeedSample'),
    dict(type='FastSimpleResizedCrop', scale=224),
    dict(type='mmpretrain.PackInputs', meta_keys=('sample_idx',)),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
