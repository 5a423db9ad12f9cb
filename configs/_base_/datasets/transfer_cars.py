"""Stanford Cars, 196 models, by top-1 accuracy."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=196)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.StanfordCars',
        data_root='data/Stanford_Cars',
        split='train',
        count=8144,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.StanfordCars',
        data_root='data/Stanford_Cars',
        split='test',
        count=8041,
    )
)
test_dataloader = val_dataloader
