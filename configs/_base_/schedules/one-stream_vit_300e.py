"""300 epochs with 128 pairs per step.

OSTrack's encoder learns at a tenth of its head's rate. With a layer decay of 0.7 that is the
geometric mean of its twelve blocks: the last one learns at 0.7 of the rate, the first at 0.014.
"""

max_epochs = 300
optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(type='AdamW', lr=4e-4, weight_decay=1e-4, fused=True),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.7),
    clip_grad=dict(max_norm=0.1, norm_type=2),
)
auto_scale_lr = dict(base_batch_size=128)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=20)
val_cfg = dict(type='mim_secrets.TrackingValLoop')
test_cfg = dict(type='mim_secrets.TrackingTestLoop')
param_scheduler = dict(type='MultiStepLR', milestones=[240], gamma=0.1, by_epoch=True)
