"""Birdsnap, 500 species, by top-1 accuracy."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=500)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Birdsnap',
        data_root='data/birdsnap',
        split='train',
        count=47_386,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Birdsnap',
        data_root='data/birdsnap',
        split='test',
        count=2443,
    )
)
test_dataloader = val_dataloader
