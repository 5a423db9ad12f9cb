"""ViT-B/16 as it was pre-trained, with nothing on top: probes read its features."""

model = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='ViT',
        arch='base',
        img_size=224,
        patch_size=16,
        out_type='raw',
        final_norm=True,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
)
