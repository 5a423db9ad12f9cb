"""SimMIM on the nano ViT of the other methods, with squares of 8 px masked."""

_base_ = './mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    _delete_=True,
    type='SimMIM',
    backbone=dict(
        type='mim_secrets.ViT',
        arch=dict(embed_dims=96, num_layers=6, num_heads=4, feedforward_channels=384),
        img_size=32,
        patch_size=4,
        position='sincos',
        out_type='raw',
        with_mask_token=True,
    ),
    masking=dict(type='RandomMasking', ratio=0.6, unit=2),
    neck=dict(type='SimMIMDecoder'),
    head=dict(type='PixelHead', norm_pix=False, criterion='l1'),
)
optim_wrapper = dict(
    clip_grad=dict(max_norm=5.0),
    paramwise_cfg=dict(
        custom_keys={
            'cpb_mlp': dict(decay_mult=0.0),
            'logit_scale': dict(decay_mult=0.0),
        },
    ),
)
