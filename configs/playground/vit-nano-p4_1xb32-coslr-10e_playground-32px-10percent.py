"""The quickstart's fine-tuning on a tenth of the labels.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
"""

_base_ = [
    '../_base_/datasets/playground_32px_finetune.py',
    '../_base_/classification_runtime.py',
]

max_epochs = 10
model = dict(
    type='ImageClassifier',
    backbone=dict(
        type='mim_secrets.ViT',
        arch=dict(embed_dims=96, num_layers=6, num_heads=4, feedforward_channels=384),
        img_size=32,
        patch_size=4,
        position='sincos',
        drop_path_rate=0.1,
        out_type='avg_featmap',
        # The pooled token gets a new norm; the one before the decoder is dropped.
        final_norm=False,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    head=dict(
        type='LinearClsHead',
        num_classes=10,
        in_channels=96,
        loss=dict(type='LabelSmoothLoss', label_smooth_val=0.1, mode='original'),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=0.02),
    ),
)
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(layer_decay_rate=0.75, norm_decay_mult=0.0, bias_decay_mult=0.0),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=max_epochs)
val_cfg = dict()
test_cfg = dict()
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=1,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 1,
        by_epoch=True,
        begin=1,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=32)
default_hooks = dict(logger=dict(interval=10), checkpoint=dict(max_keep_ckpts=1))
