"""What fine-tuning on the smaller sets has in common: 64 images on each GPU."""

_base_ = './imagenet_bs128_finetune.py'

train_dataloader = dict(batch_size=64)
