"""With a table of relative positions in every block, which starts at zero."""

_base_ = './upernet_vit-base-p16.py'

model = dict(backbone=dict(relative_position='table'))
