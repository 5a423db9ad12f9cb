"""UperNet on the playground, in crops of 64 px: 16 x 16 patches.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
Data: python tools/dataset_converters/make_playground.py data/playground_ade20k \
--layout ade20k --preset small
"""

_base_ = '../mae/mmseg/vit-base-p16_upernet_8xb2-amp-160k_ade20k-512x512.py'

crop_size = (64, 64)
norm_cfg = dict(type='BN')  # SyncBN needs devices
num_classes, width = 12, 32
data_preprocessor = dict(size=crop_size)
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=96,
            num_layers=6,
            num_heads=4,
            feedforward_channels=384,
        ),
        img_size=64,
        patch_size=4,
        position='sincos',
        out_indices=[1, 2, 3, 5],
    ),
    # the real one's largest map has four points for each patch's side, here single pixels
    neck=dict(
        _delete_=True,
        type='Feature2Pyramid',
        embed_dim=96,
        rescales=[2, 1, 0.5, 0.25],
        norm_cfg=norm_cfg,
    ),
    decode_head=dict(
        in_channels=[96] * 4, channels=width, num_classes=num_classes, norm_cfg=norm_cfg
    ),
    auxiliary_head=dict(in_channels=96, channels=width, num_classes=num_classes, norm_cfg=norm_cfg),
    test_cfg=dict(crop_size=crop_size, stride=(32, 32)),
)

data_root = 'data/playground_ade20k'
classes = (
    'sky', 'earth', 'ball', 'box', 'barrel', 'tent', 'signboard', 'person', 'tower',
    'sculpture', 'table', 'stairs',
)  # fmt: skip
scale = (384, 96)
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='RandomResize', scale=scale, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(type='RandomCrop', crop_size=crop_size, cat_max_ratio=0.75),
    dict(type='RandomFlip', prob=0.5),
    dict(type='PhotoMetricDistortion'),
    dict(type='PackSegInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=scale, keep_ratio=True),
    dict(type='LoadAnnotations', reduce_zero_label=True),
    dict(type='PackSegInputs'),
]
of_playground = dict(data_root=data_root, metainfo=dict(classes=classes))
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(**of_playground, pipeline=train_pipeline),
)
val_dataloader = dict(
    num_workers=1, dataset=dict(**of_playground, indices=200, pipeline=test_pipeline)
)
test_dataloader = val_dataloader

max_iters = 1000
train_cfg = dict(max_iters=max_iters, val_interval=max_iters)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-2, betas=(0.9, 0.999), weight_decay=0.05),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.4,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            'cls_token': dict(decay_mult=0.0),
            'pos_embed': dict(decay_mult=0.0),
        },
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=50),
    dict(type='PolyLR', power=1.0, eta_min=0.0, by_epoch=False, begin=50, end=max_iters),
]
auto_scale_lr = dict(base_batch_size=8)
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=max_iters, max_keep_ckpts=1)
)
