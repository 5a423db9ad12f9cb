"""Less than half as much compute as MFF: growing images, half of the masked patches
decoded, and 240 epochs for 300."""

_base_ = './mff_vit-base-p16_8xb512-amp-src-asked50-coslr-300e_in1k.py'

data_preprocessor = dict(type='ResizingPreprocessor')
custom_hooks = [
    *_base_.custom_hooks,
    dict(type='ProgressiveResolutionHook', sizes=[(0.0, 128), (0.2, 160), (0.6, 224)]),
]

max_epochs = 240
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=32,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 32,
        by_epoch=True,
        begin=32,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
