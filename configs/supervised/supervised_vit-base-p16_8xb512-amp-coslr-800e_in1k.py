"""ViT-B/16 on labels, for as long as MAE, PixMIM and MFF at 800 epochs.

The recipe is the one that MAE was compared with.
"""

_base_ = [
    '../_base_/models/finetune_vit-base-p16.py',
    '../_base_/datasets/imagenet_bs256_finetune.py',
    '../_base_/schedules/supervised_coslr-800e.py',
    '../_base_/classification_runtime.py',
]

model = dict(
    backbone=dict(position='sincos', out_type='cls_token', final_norm=True, init_cfg=None),
    head=dict(type='VisionTransformerClsHead', init_cfg=None),
    init_cfg=[
        dict(type='TruncNormal', layer='Linear', std=0.02),
        dict(type='Constant', layer='LayerNorm', val=1.0, bias=0.0),
    ],
)
train_dataloader = dict(batch_size=512)
optim_wrapper = dict(
    optimizer=dict(lr=1e-4 * 4096 / 256, betas=(0.9, 0.95), weight_decay=0.3),
    clip_grad=None,
)
auto_scale_lr = dict(base_batch_size=4096)
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', momentum=1e-4)]
