"""The same as its SimMIM twin, with all four stages fused."""

_base_ = '../simmim/simmim_swinv2-base-w12_8xb256-amp-steplr-800e_in1k-192px.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
