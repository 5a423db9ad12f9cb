"""ImageNet-R: paintings, toys, cartoons and other renditions of 200 of the classes."""

_base_ = './imagenet-a_bs128.py'

test_dataloader = dict(dataset=dict(data_root='data/imagenet-r', num_images=30000))
