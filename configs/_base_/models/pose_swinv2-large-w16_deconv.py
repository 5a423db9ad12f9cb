"""SwinV2-L and wider deconvolutions where there is SwinV2-B."""

_base_ = './pose_swinv2-base-w16_deconv.py'

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.5),
    head=dict(in_channels=1536, deconv_out_channels=(48, 48, 48)),
)
