"""Mask R-CNN on Swin-B with a feature pyramid network."""

_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.Swin',
        arch='base',
        img_size=1024,
        window_size=7,
        drop_path_rate=0.3,
        out_indices=[0, 1, 2, 3],
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    neck=dict(in_channels=[128, 256, 512, 1024]),
)
