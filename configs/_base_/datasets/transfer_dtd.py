"""DTD, 47 textures, by top-1 accuracy."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=47)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.DTD',
        data_root='data/dtd',
        split='trainval',
        count=3760,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.DTD',
        data_root='data/dtd',
        split='test',
        count=1880,
    )
)
test_dataloader = val_dataloader
