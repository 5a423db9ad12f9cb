_base_ = '../mae/benchmarks/vit-base-p16_8xb128-coslr-100e_in1k.py'

model = dict(backbone=dict(drop_last=1))
