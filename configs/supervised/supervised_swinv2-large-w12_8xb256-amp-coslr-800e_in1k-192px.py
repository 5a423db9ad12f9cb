"""SwinV2-L on labels, for as long as SimMIM. The recipe is that of SwinV2-B."""

_base_ = './supervised_swinv2-base-w12_8xb256-amp-coslr-800e_in1k-192px.py'

model = dict(backbone=dict(arch='large'), head=dict(in_channels=1536))
