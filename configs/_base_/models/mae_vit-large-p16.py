"""Masked autoencoder on ViT-L/16, with the decoder of ViT-B."""

_base_ = './mae_vit-base-p16.py'

model = dict(backbone=dict(arch='large'))
