_base_ = './vit-base-p16_8xb256-knn_in1k.py'

model = dict(backbone=dict(arch='small'))
