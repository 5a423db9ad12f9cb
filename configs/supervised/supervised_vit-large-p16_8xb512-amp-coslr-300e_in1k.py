"""ViT-L/16 on labels, for as long as MAE and MFF at 300 epochs.

The recipe is the one that MAE was compared with, which drops more paths than that of ViT-B.
"""

_base_ = './supervised_vit-base-p16_8xb512-amp-coslr-300e_in1k.py'

model = dict(backbone=dict(arch='large', drop_path_rate=0.2), head=dict(in_channels=1024))
