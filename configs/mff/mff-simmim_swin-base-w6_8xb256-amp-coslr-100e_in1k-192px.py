"""The same as its SimMIM twin, with all four stages fused."""

_base_ = '../simmim/simmim_swin-base-w6_8xb256-amp-coslr-100e_in1k-192px.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
