"""The same as its PixMIM twin, with all six levels of the encoder fused."""

_base_ = './pixmim_vit-nano-p4_1xb64-src-coslr-8e_playground-32px.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
