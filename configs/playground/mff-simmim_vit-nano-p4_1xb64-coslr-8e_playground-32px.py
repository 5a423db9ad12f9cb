"""The same as its SimMIM twin, with all six levels of the encoder fused."""

_base_ = './simmim_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
