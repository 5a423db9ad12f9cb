"""Fine-tuning of the nano SwinV2 on a tenth of the labels.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
"""

_base_ = './swin-nano-w4_1xb32-coslr-10e_playground-32px-10percent.py'

model = dict(
    backbone=dict(type='mim_secrets.SwinV2', arch=dict(extra_norm_every_n_blocks=0)),
)
