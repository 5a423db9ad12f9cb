"""Swin-L as a classifier, with larger windows than in pre-training."""

_base_ = './finetune_swin-base-w7.py'

model = dict(
    backbone=dict(arch='large', window_size=[14, 14, 14, 7], drop_path_rate=0.2),
    head=dict(in_channels=1536),
)
