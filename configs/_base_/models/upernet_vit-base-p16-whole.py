"""Tested on whole images, padded to what the pyramid divides, instead of on crops."""

_base_ = './upernet_vit-base-p16.py'

data_preprocessor = dict(test_cfg=dict(size_divisor=32))
model = dict(
    data_preprocessor=data_preprocessor,
    test_cfg=dict(_delete_=True, mode='whole'),
)
