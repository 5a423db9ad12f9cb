"""Probes of a frozen encoder: every training image votes on the others.

From a pre-training run:  python tools/test.py CONFIG WORK_DIR
Without any pre-training: python tools/test.py CONFIG none
"""

_base_ = [
    '../_base_/datasets/playground_32px.py',
    '../_base_/default_runtime.py',
]

model = dict(
    type='mmpretrain.ImageClassifier',
    backbone=dict(
        type='ViT',
        arch=dict(embed_dims=96, num_layers=6, num_heads=4, feedforward_channels=384),
        img_size=32,
        patch_size=4,
        position='sincos',
        out_type='raw',
        final_norm=True,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
)
data_preprocessor = dict(type='mmpretrain.ClsDataPreprocessor')
train_dataloader = None
