"""Fine-tuning of the nano Swin on a tenth of the labels.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
"""

_base_ = './vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.Swin',
        arch=dict(embed_dims=32, depths=[2, 2, 2], num_heads=[2, 4, 4]),
        img_size=32,
        patch_size=2,
        window_size=4,
        out_indices=[2],
        drop_path_rate=0.1,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(in_channels=128),
)
