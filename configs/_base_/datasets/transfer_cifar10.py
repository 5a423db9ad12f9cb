"""CIFAR-10, 10 classes, by top-1 accuracy."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=10)
# the images come out of arrays and not out of files
train_pipeline = [step for step in _base_.train_pipeline if step['type'] != 'LoadImageFromFile']
test_pipeline = [step for step in _base_.test_pipeline if step['type'] != 'LoadImageFromFile']

train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.CIFAR10',
        data_root='data/cifar10',
        split='train',
        count=50_000,
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.CIFAR10',
        data_root='data/cifar10',
        split='test',
        count=10_000,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
