"""A linear classifier on the mean of the last map of a frozen SwinV2-B."""

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mim_secrets.SwinV2',
        arch='base',
        img_size=224,
        window_size=[14, 14, 14, 7],
        pretrained_window_sizes=[12, 12, 12, 6],
        frozen_stages=3,
        drop_path_rate=0.0,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    # the norm without parameters that MAE puts before its linear classifier
    neck=[
        dict(type='GlobalAveragePooling'),
        dict(type='ClsBatchNormNeck', input_features=1024),
    ],
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=1024,
        loss=dict(type='CrossEntropyLoss'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.01),
    ),
)
