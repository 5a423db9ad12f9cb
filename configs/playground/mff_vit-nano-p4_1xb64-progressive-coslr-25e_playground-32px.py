"""MFF on images of 16 pixels for a quarter of the run, of 24 for another, then of 32."""

_base_ = './mff_vit-nano-p4_1xb64-coslr-25e_playground-32px.py'

data_preprocessor = dict(type='mim_secrets.ResizingPreprocessor')
custom_hooks = [
    *_base_.custom_hooks,
    dict(
        type='mim_secrets.ProgressiveResolutionHook',
        sizes=[(0.0, 16), (0.25, 24), (0.5, 32)],
    ),
]
