"""MFF on images of 128, 160, 192 and 224 pixels, a quarter of the run each."""

_base_ = '../mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py'

data_preprocessor = dict(type='ResizingPreprocessor')
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='ProgressiveResolutionHook',
        sizes=[(0.0, 128), (0.25, 160), (0.5, 192), (0.75, 224)],
    ),
]
