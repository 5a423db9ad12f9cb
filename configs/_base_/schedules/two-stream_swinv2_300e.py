"""300 epochs with 128 pairs per step.

SwinTrack's encoder learns at a tenth of the head's rate; with a layer decay of 0.82 that is
the geometric mean of its 22 blocks. SwinTrack's epochs have 131,072 pairs, more than twice
as many as here, and the fusion has no drop path in the first half of them.
"""

max_epochs = 300
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(type='AdamW', lr=5e-4, weight_decay=1e-4, fused=True),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.82),
    clip_grad=dict(max_norm=0.1, norm_type=2),
)
auto_scale_lr = dict(base_batch_size=128)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=20)
val_cfg = dict(type='mim_secrets.TrackingValLoop')
test_cfg = dict(type='mim_secrets.TrackingTestLoop')
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=max_epochs // 100,
        convert_to_iter_based=True,
    ),
    dict(type='MultiStepLR', milestones=[max_epochs * 7 // 10], gamma=0.1, by_epoch=True),
]
