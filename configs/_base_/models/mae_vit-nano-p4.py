"""Masked autoencoder small enough for two CPU cores, on 32-pixel images."""

model = dict(
    type='MAE',
    backbone=dict(
        type='mim_secrets.ViT',
        arch=dict(embed_dims=96, num_layers=6, num_heads=4, feedforward_channels=384),
        img_size=32,
        patch_size=4,
        position='sincos',
        out_type='raw',
    ),
    masking=dict(type='RandomMasking', ratio=0.75),
    neck=dict(type='MAEDecoder', dims=48, depth=2, num_heads=4),
    head=dict(type='PixelHead', norm_pix=True),
)
