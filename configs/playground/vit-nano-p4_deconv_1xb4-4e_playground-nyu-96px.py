"""Depth on the playground as NYUv2 has it, in crops of 96 px: 24 x 24 patches.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
Data: python tools/dataset_converters/make_playground.py data/playground_nyu \
--layout nyu --preset small
"""

_base_ = '../mae/depth/vit-base-p16_deconv_8xb3-25e_nyu-480x480.py'

crop_size = (96, 96)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=96,
            num_layers=6,
            num_heads=4,
            feedforward_channels=384,
        ),
        img_size=96,
        patch_size=4,
        position='sincos',
        drop_path_rate=0.0,
    ),
    decode_head=dict(in_channels=96, stride=4, channels=32),
)

train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mim_secrets.LoadDepth'),
    dict(type='mim_secrets.CutDepth', max_depth=10.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=crop_size),
    dict(type='mim_secrets.RandomBrightnessContrast'),
    dict(type='mim_secrets.RandomGamma'),
    dict(type='mim_secrets.RandomHueSaturationValue'),
    dict(type='PackSegInputs', meta_keys=_base_.meta_keys),
]
data_root = 'data/playground_nyu'
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(data_root=data_root, count=2000, indices=240, pipeline=train_pipeline),
)
val_dataloader = dict(num_workers=1, dataset=dict(data_root=data_root, count=400, indices=100))
test_dataloader = val_dataloader

max_epochs = 4
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=1e-3))
param_scheduler = dict(peak=max_epochs // 2)
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=max_epochs))
