"""Masked autoencoder on ViT-S/16, with the decoder that MFF's author gives it."""

_base_ = './mae_vit-base-p16.py'

model = dict(
    backbone=dict(arch='small'),
    neck=dict(dims=384, num_heads=12),
)
