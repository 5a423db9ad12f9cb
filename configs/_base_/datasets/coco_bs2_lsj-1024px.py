"""The same with two images a process."""

_base_ = './coco_bs4_lsj-1024px.py'

train_dataloader = dict(batch_size=2, num_workers=4)
