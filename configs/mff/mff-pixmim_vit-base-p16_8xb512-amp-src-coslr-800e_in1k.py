"""The same as its PixMIM twin, with six levels of the encoder fused."""

_base_ = '../pixmim/pixmim_vit-base-p16_8xb512-amp-src-coslr-800e_in1k.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
