"""ViT-L/16 where UperNet has ViT-B, read at the same shares of its depth.

The drop path is that of MAE's classifiers.
"""

_base_ = './upernet_vit-base-p16.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.2, out_indices=[7, 11, 15, 23]),
    neck=dict(in_channels=1024),
    decode_head=dict(in_channels=[1024, 1024, 1024, 1024], channels=1024),
    auxiliary_head=dict(in_channels=1024),
)
