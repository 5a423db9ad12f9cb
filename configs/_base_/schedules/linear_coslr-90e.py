"""90 epochs of LARS for a linear classifier with 16384 images per step."""

optim_wrapper = dict(
    type='AmpOptimWrapper',
    # float16, as every published probe: its features are finer than bfloat16's.
    dtype='float16',
    loss_scale='dynamic',
    optimizer=dict(type='LARS', lr=6.4, momentum=0.9, weight_decay=0.0),
    # MAE's LARS leaves one-dimensional parameters alone.
    paramwise_cfg=dict(custom_keys={'bias': dict(lars_exclude=True)}),
)
auto_scale_lr = dict(base_batch_size=16384)

max_epochs = 90
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 10,
        by_epoch=True,
        begin=10,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
