"""ImageNet-1k for pre-training: MAE's crops, made before anything else is done.

The crops are those of `imagenet_bs512_rrc.py`, image by image. With
`train_dataloader.dataset.cache=FOLDER` they are cut from images that
`tools/dataset_converters/cache_images.py` has shrunk.
"""

_base_ = './imagenet_bs512_rrc.py'

train_pipeline = [
    dict(type='SeedSample'),
    dict(type='FastRandomResizedCrop', scale=224),
    dict(type='mmpretrain.PackInputs', meta_keys=('sample_idx',)),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='PretrainImages',
        data_root='data/imagenet',
        data_prefix='train',
        pipeline=train_pipeline,
    )
)
