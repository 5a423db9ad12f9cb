"""iNaturalist 2018, 8,142 species, by top-1 accuracy, with 128 images on each GPU."""

_base_ = './imagenet_bs128_finetune.py'

data_preprocessor = dict(num_classes=8142)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.INaturalist2018',
        data_root='data/inaturalist2018',
        split='train',
        count=437_513,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.INaturalist2018',
        data_root='data/inaturalist2018',
        split='val',
        count=24_426,
    )
)
test_dataloader = val_dataloader
