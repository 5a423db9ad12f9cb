"""100 epochs of supervised training: 20 of warm-up, then a cosine."""

_base_ = './supervised_adamw.py'

max_epochs = 100
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-3,
        by_epoch=True,
        begin=0,
        end=20,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 20,
        eta_min=1e-5,
        by_epoch=True,
        begin=20,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
