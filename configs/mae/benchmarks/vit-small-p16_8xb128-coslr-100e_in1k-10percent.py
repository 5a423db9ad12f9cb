_base_ = './vit-small-p16_8xb128-coslr-100e_in1k.py'

train_dataloader = dict(dataset=dict(ann_file='meta/train_10percent.txt'))
train_cfg = dict(val_interval=10)
