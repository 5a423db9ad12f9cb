"""SwinV2-B where UperNet has Swin-B, with windows that divide 512 px."""

_base_ = './upernet_swin-base-w7.py'

model = dict(
    backbone=dict(
        type='mim_secrets.SwinV2',
        window_size=[16, 16, 16, 8],
        pretrained_window_sizes=[12, 12, 12, 6],
    ),
)
