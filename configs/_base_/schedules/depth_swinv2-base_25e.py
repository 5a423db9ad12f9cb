"""25 epochs of depth with 24 crops per step, in float32 as by the authors of Dark Secrets."""

max_epochs = 25
optim_wrapper = dict(
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=5e-4, betas=(0.9, 0.999), weight_decay=0.05, fused=True),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.9,
        merging_counts=True,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        flat_decay_mult=0.0,
        custom_keys={
            'cpb_mlp': dict(decay_mult=0.0),
            'logit_scale': dict(decay_mult=0.0),
        },
    ),
)
auto_scale_lr = dict(base_batch_size=24)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
# 3e-5 to 5e-4 and back; the last epoch stays at 3e-5
param_scheduler = dict(
    type='mim_secrets.RiseAndFallLR',
    peak=max_epochs // 2,
    low_ratio=0.06,
    power=0.9,
    by_epoch=True,
    convert_to_iter_based=True,
)
