"""SwinV2-B where Mask R-CNN has Swin-B, with windows that divide 1024 px."""

_base_ = './mask-rcnn_swin-base-w7.py'

model = dict(
    backbone=dict(
        type='mim_secrets.SwinV2',
        window_size=[16, 16, 16, 8],
        pretrained_window_sizes=[12, 12, 12, 6],
    ),
)
