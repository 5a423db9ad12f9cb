"""The same as its SimMIM twin, with all three stages fused."""

_base_ = './simmim_swinv2-nano-w4_1xb16-coslr-8e_playground-32px.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
