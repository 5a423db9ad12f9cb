"""SimMIM on SwinV2-L: that of SwinV2-B, 192 wide. No recipe of its own was published."""

_base_ = './simmim_swinv2-base-w12-192px.py'

model = dict(backbone=dict(arch='large'))
