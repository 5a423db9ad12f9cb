"""The nano ViT on all labels, for as long and on as many images a step as the methods."""

_base_ = './vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'

model = dict(
    backbone=dict(out_type='cls_token', final_norm=True, init_cfg=None),
    head=dict(type='VisionTransformerClsHead'),
)
train_dataloader = dict(
    batch_size=64,
    drop_last=True,
    dataset=dict(ann_file='meta/train.txt'),
)
optim_wrapper = dict(
    _delete_=True,
    optimizer=dict(type='AdamW', lr=1.5e-3, betas=(0.9, 0.95), weight_decay=0.05),
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys=dict(
            bias=dict(decay_mult=0.0),
            cls_token=dict(decay_mult=0.0),
            cpb_mlp=dict(decay_mult=0.0),
            logit_scale=dict(decay_mult=0.0),
        ),
    ),
)
auto_scale_lr = dict(base_batch_size=64)
max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
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
