"""ImageNet-Sketch: drawings in black and white of all classes."""

_base_ = './imagenet-a_bs128.py'

test_dataloader = dict(
    dataset=dict(data_root='data/imagenet-sketch', num_images=50889, num_classes=1000)
)
test_evaluator = dict(_delete_=True, type='Accuracy', topk=(1, 5))
