"""SUN397, 397 scenes, by top-1 accuracy."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=397)
# some of the files are no JPEGs, whatever their names say
load = dict(type='LoadImageFromFile', imdecode_backend='pillow')
train_pipeline = [_base_.train_pipeline[0], load, *_base_.train_pipeline[2:]]
test_pipeline = [load, *_base_.test_pipeline[1:]]

train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.SUN397',
        data_root='data/SUN397',
        split='train',
        count=19_850,
        pipeline=train_pipeline,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.SUN397',
        data_root='data/SUN397',
        split='test',
        count=19_850,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
