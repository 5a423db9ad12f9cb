"""SwinV2-L as a classifier; drop path as for Swin-L, since nothing was published."""

_base_ = './finetune_swinv2-base-w14.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.2),
    head=dict(in_channels=1536),
)
