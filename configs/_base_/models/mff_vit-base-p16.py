"""MAE on ViT-B/16 with six levels of the encoder fused before the decoder."""

_base_ = './mae_vit-base-p16.py'

model = dict(type='MFF', fusion=dict(type='MultiLevelFusion', fusion='weighted'))
