"""MFF at half the length: what is to be had for half the compute without a change."""

_base_ = '../mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py'

max_epochs = 150
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=20,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 20,
        by_epoch=True,
        begin=20,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
