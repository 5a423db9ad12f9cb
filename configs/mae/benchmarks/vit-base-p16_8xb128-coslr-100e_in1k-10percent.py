_base_ = './vit-base-p16_8xb128-coslr-100e_in1k.py'

train_dataloader = dict(dataset=dict(ann_file='meta/train_10percent.txt'))
train_cfg = dict(val_interval=10)
