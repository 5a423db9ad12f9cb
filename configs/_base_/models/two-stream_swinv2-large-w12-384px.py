"""The same for SwinV2-L, whose 768 channels become the fusion's 512."""

_base_ = './two-stream_swinv2-base-w12-384px.py'

model = dict(backbone=dict(arch='large'))
