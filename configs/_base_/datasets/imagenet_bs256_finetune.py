"""ImageNet-1k for fine-tuning with 256 images on each GPU."""

_base_ = './imagenet_bs128_finetune.py'

train_dataloader = dict(batch_size=256)
