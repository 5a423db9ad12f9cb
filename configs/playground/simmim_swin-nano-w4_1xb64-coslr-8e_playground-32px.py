"""SimMIM on a Swin of three stages with maps of 16, 8 and 4, squares of 8 px masked."""

_base_ = './simmim_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.Swin',
        arch=dict(embed_dims=32, depths=[2, 2, 2], num_heads=[2, 4, 4]),
        img_size=32,
        patch_size=2,
        window_size=4,
        out_indices=[2],
        drop_path_rate=0.0,
        with_mask_token=True,
    ),
    masking=dict(unit=1),
)
