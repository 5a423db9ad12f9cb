"""Masked autoencoder on ViT-B/16. The decoder learns the encoder's width from it."""

model = dict(
    type='MAE',
    backbone=dict(
        type='ViT',
        arch='base',
        img_size=224,
        patch_size=16,
        position='sincos',
        out_type='raw',
    ),
    neck=dict(type='MAEDecoder', dims=512, depth=8, num_heads=16),
    head=dict(type='PixelHead', norm_pix=True),
    masking=dict(type='RandomMasking', ratio=0.75),
)
