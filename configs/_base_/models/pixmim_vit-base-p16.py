"""MAE on ViT-B/16 that is asked for images without their fine detail."""

_base_ = './mae_vit-base-p16.py'

model = dict(
    type='PixMIM',
    # a radius of 40 frequencies at 224 px
    head=dict(target=dict(type='LowPassTarget', cutoff=40 / 224)),
)
