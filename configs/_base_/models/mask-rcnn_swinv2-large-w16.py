"""SwinV2-L where Mask R-CNN has SwinV2-B."""

_base_ = './mask-rcnn_swinv2-base-w16.py'

model = dict(backbone=dict(arch='large'), neck=dict(in_channels=[192, 384, 768, 1536]))
