"""Swin-B as a classifier on the mean of its last map, all weights trained."""

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mim_secrets.Swin',
        arch='base',
        img_size=224,
        window_size=7,
        drop_path_rate=0.1,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1024,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02),
    ),
    train_cfg=dict(
        augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='CutMix', alpha=1.0),
        ]
    ),
)
