"""ViT-L/16 where ViTPose has ViT-B."""

_base_ = './pose_vit-base-p16_simple.py'

model = dict(backbone=dict(arch='large', drop_path_rate=0.5), head=dict(in_channels=1024))
