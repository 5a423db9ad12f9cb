"""Optimizer of masked pre-training with 4096 images per step."""

optim_wrapper = dict(
    type='AmpOptimWrapper',
    # bfloat16 has the range of float32, so nothing overflows and no loss is scaled.
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(
        type='AdamW',
        lr=1.5e-4 * 4096 / 256,
        betas=(0.9, 0.95),
        weight_decay=0.05,
        fused=True,
    ),
    # Everything else is decayed, the fusion's level scalars included, as released.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys={
            'bias': dict(decay_mult=0.0),
            'pos_embed': dict(decay_mult=0.0),
            'mask_token': dict(decay_mult=0.0),
            'cls_token': dict(decay_mult=0.0),
        },
    ),
)
auto_scale_lr = dict(base_batch_size=4096)
