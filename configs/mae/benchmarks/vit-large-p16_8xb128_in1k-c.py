_base_ = './vit-base-p16_8xb128_in1k-c.py'

model = dict(backbone=dict(arch='large', drop_path_rate=0.2), head=dict(in_channels=1024))
