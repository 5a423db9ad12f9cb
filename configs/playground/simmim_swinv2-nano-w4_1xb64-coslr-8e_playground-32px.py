"""SimMIM on a SwinV2 of that size, asked for pixels relative to their surroundings."""

_base_ = './simmim_swin-nano-w4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    backbone=dict(
        type='mim_secrets.SwinV2',
        arch=dict(extra_norm_every_n_blocks=0),
        drop_path_rate=0.1,
    ),
    # a quarter of the image, like 47 of 192
    head=dict(target=dict(type='LocalNormTarget', window=7)),
)
