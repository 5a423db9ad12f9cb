"""SimMIM on RepLKNet-31B, with all else as for Swin-B. No recipe was published."""

_base_ = './simmim_swin-base-w6-192px.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='RepLKNet',
        arch='31B',
        img_size=192,
        drop_path_rate=0.0,
        with_mask_token=True,
    ),
)
