"""100 epochs of fine-tuning as SimMIM does it, with 2048 images per step.

The decay from layer to layer differs between encoders: 0.9 is that of Swin-B.
"""

optim_wrapper = dict(
    optimizer=dict(
        type='AdamW',
        lr=1.25e-3 * 2048 / 512,
        betas=(0.9, 0.999),
        weight_decay=0.05,
        fused=True,
    ),
    clip_grad=dict(max_norm=5.0),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.9,
        norm_decay_mult=0.0,
        bias_decay_mult=0.0,
        custom_keys={
            # also those of queries and values, and tables of relative positions
            '_bias': dict(decay_mult=0.0),
            'cpb_mlp': dict(decay_mult=0.0),
            'logit_scale': dict(decay_mult=0.0),
            'pos_embed': dict(decay_mult=0.0),
            'cls_token': dict(decay_mult=0.0),
        },
    ),
)
auto_scale_lr = dict(base_batch_size=2048)
max_epochs = 100
train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=max_epochs, val_interval=1)
val_cfg = dict()
test_cfg = dict()
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=2.5e-7 / 1.25e-3,
        by_epoch=True,
        begin=0,
        end=20,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 20,
        eta_min=2.5e-7 * 2048 / 512,
        by_epoch=True,
        begin=20,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
