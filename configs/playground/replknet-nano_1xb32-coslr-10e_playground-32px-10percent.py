"""Fine-tuning of the nano RepLKNet on a tenth of the labels.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
"""

_base_ = './vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.RepLKNet',
        arch=dict(
            large_kernel_sizes=[13, 7],
            layers=[2, 4],
            channels=[48, 96],
            small_kernel=3,
            dw_ratio=1,
        ),
        img_size=32,
        strides=[2, 2],
        dilations=[1, 1],
        out_indices=[1],
        drop_path_rate=0.1,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    neck=dict(type='GlobalAveragePooling'),
)
