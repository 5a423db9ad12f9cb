"""400 epochs of pre-training: 40 of warm-up, then a cosine down to zero."""

_base_ = './pretrain_adamw.py'

max_epochs = 400
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=40,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 40,
        by_epoch=True,
        begin=40,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
