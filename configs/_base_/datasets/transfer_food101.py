"""Food-101, 101 kinds of dishes, by top-1 accuracy."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=101)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Food101',
        data_root='data/food-101',
        split='train',
        count=75_750,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Food101',
        data_root='data/food-101',
        split='test',
        count=25_250,
    )
)
test_dataloader = val_dataloader
