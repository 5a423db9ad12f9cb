"""ADE20K in crops of 512 px, two a process."""

_base_ = 'mmseg::_base_/datasets/ade20k.py'

train_dataloader = dict(batch_size=2)
