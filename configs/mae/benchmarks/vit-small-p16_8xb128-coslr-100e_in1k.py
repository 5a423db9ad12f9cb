_base_ = './vit-base-p16_8xb128-coslr-100e_in1k.py'

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
