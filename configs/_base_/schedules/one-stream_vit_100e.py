"""The same in 100 epochs."""

_base_ = './one-stream_vit_300e.py'

max_epochs = 100
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = dict(milestones=[80])
