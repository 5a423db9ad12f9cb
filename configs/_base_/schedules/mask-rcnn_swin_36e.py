"""36 epochs of detection with 16 images per step, mmdet's recipe for Swin."""

max_epochs = 36
optim_wrapper = dict(
    type='AmpOptimWrapper',
    # mmcv cuts no regions of interest out of maps in bfloat16, which FPN would hand on.
    dtype='float16',
    loss_scale='dynamic',
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    # One rate for all depths: layer_decay_rate=0.9 is what SimMIM fine-tunes Swin-B with.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys={
            'relative_position_bias_table': dict(decay_mult=0.0),
            'cpb_mlp': dict(decay_mult=0.0),
            'logit_scale': dict(decay_mult=0.0),
        },
    ),
)
auto_scale_lr = dict(base_batch_size=16)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=3)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=1000),
    dict(type='MultiStepLR', by_epoch=True, begin=0, end=max_epochs, milestones=[27, 33]),
]
