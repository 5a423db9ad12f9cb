"""ImageNet-1k for linear probing, with MAE's crop for every method.

The crop tries no second time when it does not fit, as MAE's own probe does;
figures that were measured with another crop are not comparable.
"""

_base_ = './imagenet_bs128_finetune.py'

train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='LoadImageFromFile'),
    dict(type='ToPIL', to_rgb=True),
    # torchvision's number 3 is bicubic
    dict(type='MAERandomResizedCrop', size=224, interpolation=3),
    dict(type='torchvision/RandomHorizontalFlip', p=0.5),
    dict(type='ToNumpy', to_bgr=True),
    dict(type='PackInputs'),
]
train_dataloader = dict(
    batch_size=2048,
    drop_last=True,
    dataset=dict(pipeline=train_pipeline),
)
