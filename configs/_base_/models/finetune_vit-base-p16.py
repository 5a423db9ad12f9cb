"""ViT-B/16 as a classifier on the mean of its patch tokens, all weights trained."""

model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mim_secrets.ViT',
        arch='base',
        img_size=224,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='avg_featmap',
        # The pooled token gets a new norm; the one before the decoder is dropped.
        final_norm=False,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    head=dict(
        type='LinearClsHead',
        num_classes=1000,
        in_channels=768,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=2e-5),
    ),
    train_cfg=dict(
        augments=[
            dict(type='Mixup', alpha=0.8),
            dict(type='CutMix', alpha=1.0),
        ]
    ),
)
