"""SimMIM on Swin-L. The last stage's map is 6x6, so its window is, too."""

_base_ = './simmim_swin-base-w6-192px.py'

model = dict(backbone=dict(arch='large', window_size=[12, 12, 12, 6]))
