"""The same for depth of up to 80 m and crops of 352 px."""

_base_ = './depth_swinv2-base_nyu.py'

crop_size = (352, 352)
model = dict(
    data_preprocessor=dict(size=crop_size),
    backbone=dict(img_size=352, window_size=[22, 22, 22, 11]),
    decode_head=dict(max_depth=80.0),
    test_cfg=dict(windows=16),
)
