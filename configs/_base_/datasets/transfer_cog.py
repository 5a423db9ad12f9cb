"""ImageNet-CoG for linear probing: L1, with as many classes as ImageNet-1k."""

_base_ = './imagenet_bs2048_linear.py'

train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.CoGLevel',
        data_root='data/imagenet21k',
        level=1,
        split='train',
        count='listed',
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.CoGLevel',
        data_root='data/imagenet21k',
        level=1,
        split='test',
        count=50_000,
    )
)
test_dataloader = val_dataloader
