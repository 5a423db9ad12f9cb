"""Swin-L on labels, for as long as SimMIM. The recipe is that of Swin-B."""

_base_ = './supervised_swin-base-w6_8xb256-amp-coslr-800e_in1k-192px.py'

model = dict(
    backbone=dict(arch='large', window_size=[12, 12, 12, 6]),
    head=dict(in_channels=1536),
)
