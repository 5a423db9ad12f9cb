_base_ = './swinv2-base-w14_8xb2048-amp-linear-coslr-90e_cog-l1.py'

train_dataloader = dict(dataset=dict(level=5))
val_dataloader = dict(dataset=dict(level=5))
test_dataloader = val_dataloader
