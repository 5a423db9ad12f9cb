"""SwinV2-B as a classifier, with larger windows than in pre-training."""

_base_ = './finetune_swin-base-w7.py'

model = dict(
    backbone=dict(
        type='mim_secrets.SwinV2',
        window_size=[14, 14, 14, 7],
        pretrained_window_sizes=[12, 12, 12, 6],
    ),
)
