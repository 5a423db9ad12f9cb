"""A tracker on the playground as LaSOT has it: template 32 px, search window 64 px.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
Data: python tools/dataset_converters/make_playground.py data/playground_lasot \
--layout lasot --preset small
"""

_base_ = (
    '../simmim/tracking/'
    'swinv2-base-w12_two-stream_8xb16-amp-300e_lasot-got10k-trackingnet-coco-384px.py'
)

model = dict(
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=32,
            depths=[2, 2, 2],
            num_heads=[2, 4, 4],
            extra_norm_every_n_blocks=0,
        ),
        img_size=64,
        patch_size=2,
        window_size=4,
        out_indices=[2],
        drop_last=0,
        drop_path_rate=0.0,
    ),
    fusion=dict(dims=128, depth=2, num_heads=4, drop_path_rate=0.0),
    head=dict(in_channels=128),
    template_size=32,
    search_size=64,
    least_side=2.0,
)

train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='mim_secrets.LoadPair'),
    dict(
        type='mim_secrets.CropPair',
        template_size=32,
        search_size=64,
        template_factor=2.0,
        search_factor=4.0,
        centre_jitter=3.0,
        scale_jitter=0.25,
    ),
    dict(type='mim_secrets.FlipPair', prob=0.5),
    dict(type='mim_secrets.GreyPair', prob=0.05),
    dict(type='mim_secrets.BrightenPair', amount=0.4),
    dict(type='mim_secrets.PackPair'),
]
data_root = 'data/playground_lasot'
train_dataloader = dict(
    batch_size=8,
    num_workers=1,
    dataset=dict(
        sources=[dict(type='mim_secrets.LaSOT', root=data_root)],
        pairs_per_epoch=1280,
        max_gap=32,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(type='mim_secrets.LaSOT', root=data_root, split='test'),
    num_workers=1,
)
val_evaluator = dict(type='mim_secrets.OPEMetric')
test_dataloader = val_dataloader

max_epochs = 4
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=2e-3, weight_decay=0.05),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.5),
    clip_grad=dict(max_norm=1.0),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=40),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=8)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(interval=max_epochs))
sync_bn = None
