"""The quickstart's masked pre-training: a few minutes on one CPU core."""

_base_ = [
    '../_base_/models/mae_vit-nano-p4.py',
    '../_base_/datasets/playground_32px.py',
    '../_base_/default_runtime.py',
]

max_epochs = 8
optim_wrapper = dict(
    optimizer=dict(type='AdamW', lr=1.5e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys={
            'bias': dict(decay_mult=0.0),
            'mask_token': dict(decay_mult=0.0),
            'cls_token': dict(decay_mult=0.0),
        },
    ),
)
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs)
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
auto_scale_lr = dict(base_batch_size=64)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=1, max_keep_ckpts=1))
custom_hooks = [
    dict(type='mim_secrets.WeightsTableHook'),
    dict(type='mim_secrets.ResumableRandomnessHook'),
    dict(
        type='mim_secrets.ReconstructionHook',
        dataset={{_base_.test_dataloader.dataset}},
        interval=max_epochs,
    ),
]
