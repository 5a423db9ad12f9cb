"""Half as much compute as MFF: growing images, half of the masked patches decoded, and
20 epochs for 25."""

_base_ = './mff_vit-nano-p4_1xb64-asked50-coslr-25e_playground-32px.py'

data_preprocessor = dict(type='mim_secrets.ResizingPreprocessor')
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mim_secrets.ProgressiveResolutionHook',
        sizes=[(0.0, 16), (0.2, 24), (0.6, 32)],
    ),
]

max_epochs = 20
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=1.5,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 1.5,
        by_epoch=True,
        begin=1.5,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
