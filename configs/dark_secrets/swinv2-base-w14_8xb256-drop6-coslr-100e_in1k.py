_base_ = '../simmim/benchmarks/swinv2-base-w14_8xb256-coslr-100e_in1k.py'

model = dict(backbone=dict(drop_last=6), head=dict(in_channels=512))
