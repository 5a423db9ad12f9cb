"""Swin-L where UperNet has Swin-B, with the windows that it was pre-trained with."""

_base_ = './upernet_swin-base-w7.py'

model = dict(
    backbone=dict(arch='large', window_size=[12, 12, 12, 6]),
    decode_head=dict(in_channels=[192, 384, 768, 1536]),
    auxiliary_head=dict(in_channels=768),
)
