"""RepLKNet-31B as a classifier on the mean of its last map, all weights trained."""

_base_ = './finetune_swin-base-w7.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.RepLKNet',
        arch='31B',
        img_size=224,
        drop_path_rate=0.1,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
)
