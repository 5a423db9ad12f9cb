"""ViT-S/16 on labels, for as long as MAE and MFF at 300 epochs. The recipe is that of ViT-B."""

_base_ = './supervised_vit-base-p16_8xb512-amp-coslr-300e_in1k.py'

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
