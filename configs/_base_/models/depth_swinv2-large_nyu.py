"""The same for SwinV2-L."""

_base_ = './depth_swinv2-base_nyu.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.5),
    decode_head=dict(in_channels=1536, channels=192),
)
