"""800 epochs of SimMIM: 10 of warm-up, and a tenth of the rate for the last 100."""

_base_ = './simmim_adamw.py'

max_epochs = 800
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=5e-7 / 1e-4,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(
        type='MultiStepLR',
        milestones=[700],
        by_epoch=True,
        # milestones count from here: from 10 on, the rate would fall at epoch 710
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
