"""100 epochs of SimMIM at twice the rate: 10 of warm-up, then a cosine."""

_base_ = './simmim_adamw.py'

max_epochs = 100
optim_wrapper = dict(optimizer=dict(lr=2e-4 * 2048 / 512))
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-6 / 2e-4,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 10,
        eta_min=1e-5 * 2048 / 512,
        by_epoch=True,
        begin=10,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
