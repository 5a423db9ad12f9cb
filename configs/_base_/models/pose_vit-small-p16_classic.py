"""ViT-S/16 where ViTPose has ViT-B."""

_base_ = './pose_vit-base-p16_classic.py'

model = dict(backbone=dict(arch='small', drop_path_rate=0.1), head=dict(in_channels=384))
