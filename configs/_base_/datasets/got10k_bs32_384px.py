"""The same for search windows of 384 px, whose middle and size are less certain."""

_base_ = './got10k_bs32_256px.py'

train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='mim_secrets.LoadPair'),
    dict(
        type='mim_secrets.CropPair',
        template_size=192,
        search_size=384,
        template_factor=2.0,
        search_factor=5.0,
        centre_jitter=4.5,
        scale_jitter=0.5,
    ),
    dict(type='mim_secrets.FlipPair', prob=0.5),
    dict(type='mim_secrets.GreyPair', prob=0.05),
    dict(type='mim_secrets.BrightenPair', amount=0.2),
    dict(type='mim_secrets.PackPair'),
]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
