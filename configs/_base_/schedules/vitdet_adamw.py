"""Optimizer of ViTDet with 64 images per step and layer-wise rate decay."""

optim_wrapper = dict(
    type='AmpOptimWrapper',
    # The norms at its end hand the pyramid on in float32, so that the regions of
    # interest, which mmcv has no bfloat16 for, can be cut out of it.
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(type='AdamW', lr=1e-4, betas=(0.9, 0.999), weight_decay=0.1, fused=True),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    # biases and relative positions are decayed, as in the paper's code
    paramwise_cfg=dict(
        layer_decay_rate=0.7,
        norm_decay_mult=0.0,
        custom_keys={'pos_embed': dict(decay_mult=0.0)},
    ),
)
auto_scale_lr = dict(base_batch_size=64)
val_cfg = dict(type='ValLoop')
test_cfg = dict(type='TestLoop')
