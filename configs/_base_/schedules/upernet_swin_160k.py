"""UperNet on Swin, as mmseg trains it, except for the precision."""

_base_ = './upernet_160k.py'

optim_wrapper = dict(
    type='AmpOptimWrapper',
    dtype='bfloat16',
    loss_scale=dict(enabled=False),
    optimizer=dict(type='AdamW', lr=6e-5, betas=(0.9, 0.999), weight_decay=0.01, fused=True),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    # One rate for all depths: layer_decay_rate=0.9 is what SimMIM fine-tunes Swin-B with.
    paramwise_cfg=dict(
        norm_decay_mult=0.0,
        custom_keys={
            'relative_position_bias_table': dict(decay_mult=0.0),
            'cpb_mlp': dict(decay_mult=0.0),
            'logit_scale': dict(decay_mult=0.0),
        },
    ),
)
