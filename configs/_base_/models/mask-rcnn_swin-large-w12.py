"""Swin-L where Mask R-CNN has Swin-B, with the windows that it was pre-trained with."""

_base_ = './mask-rcnn_swin-base-w7.py'

model = dict(
    backbone=dict(arch='large', window_size=[12, 12, 12, 6]),
    neck=dict(in_channels=[192, 384, 768, 1536]),
)
