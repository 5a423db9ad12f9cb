"""A linear classifier on the mean of the frozen SwinV2's last map, on all labels.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
"""

_base_ = './swin-nano-w4_1xb256-linear-coslr-10e_playground-32px.py'

model = dict(
    backbone=dict(type='mim_secrets.SwinV2', arch=dict(extra_norm_every_n_blocks=0)),
)
