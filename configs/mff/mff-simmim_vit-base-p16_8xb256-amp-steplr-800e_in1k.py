"""The same as its SimMIM twin, with six levels of the encoder fused."""

_base_ = '../simmim/simmim_vit-base-p16_8xb256-amp-steplr-800e_in1k.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
