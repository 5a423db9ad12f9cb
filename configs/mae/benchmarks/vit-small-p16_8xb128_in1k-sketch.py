_base_ = './vit-base-p16_8xb128_in1k-sketch.py'

model = dict(backbone=dict(arch='small'), head=dict(in_channels=384))
