"""A linear classifier on the mean of the frozen Swin's last map, on all labels.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
"""

_base_ = './vit-nano-p4_1xb256-linear-coslr-10e_playground-32px.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.Swin',
        arch=dict(embed_dims=32, depths=[2, 2, 2], num_heads=[2, 4, 4]),
        img_size=32,
        patch_size=2,
        window_size=4,
        out_indices=[2],
        frozen_stages=2,
        drop_path_rate=0.0,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    neck=dict(_delete_=True, type='GlobalAveragePooling'),
    head=dict(in_channels=128),
)
