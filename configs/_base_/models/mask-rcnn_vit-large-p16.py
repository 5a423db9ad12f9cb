"""ViT-L/16 where ViTDet has ViT-B."""

_base_ = './mask-rcnn_vit-base-p16.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.4, global_blocks=[5, 11, 17, 23]),
    neck=dict(in_channels=1024),
)
