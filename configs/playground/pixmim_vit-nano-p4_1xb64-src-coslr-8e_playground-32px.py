"""The same as its MAE twin, asked for images without their fine detail."""

_base_ = './mae_vit-nano-p4_1xb64-src-coslr-8e_playground-32px.py'

model = dict(
    type='PixMIM',
    # the share of the spectrum that a radius of 40 is at 224 px
    head=dict(target=dict(type='LowPassTarget', cutoff=40 / 224)),
)
