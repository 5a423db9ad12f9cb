"""ViT-S/16 where ViTDet has ViT-B."""

_base_ = './mask-rcnn_vit-base-p16.py'

model = dict(backbone=dict(arch='small'), neck=dict(in_channels=384))
