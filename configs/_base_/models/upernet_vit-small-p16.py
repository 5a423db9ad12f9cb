"""ViT-S/16 where UperNet has ViT-B, in a head that is as wide as the encoder again."""

_base_ = './upernet_vit-base-p16.py'

model = dict(
    backbone=dict(arch='small'),
    neck=dict(in_channels=384),
    decode_head=dict(in_channels=[384, 384, 384, 384], channels=384),
    auxiliary_head=dict(in_channels=384),
)
