"""SwinV2-L where UperNet has SwinV2-B."""

_base_ = './upernet_swinv2-base-w16.py'

model = dict(
    backbone=dict(arch='large'),
    decode_head=dict(in_channels=[192, 384, 768, 1536]),
    auxiliary_head=dict(in_channels=768),
)
