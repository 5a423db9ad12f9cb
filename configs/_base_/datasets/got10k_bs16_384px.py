"""The same in windows of 384 px that show as much as those of 256 px, with frames nearer to
each other and stronger changes of brightness, as SwinTrack has them."""

_base_ = './got10k_bs32_256px.py'

train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='mim_secrets.LoadPair'),
    dict(
        type='mim_secrets.CropPair',
        template_size=192,
        search_size=384,
        template_factor=2.0,
        search_factor=4.0,
        centre_jitter=3.0,
        scale_jitter=0.25,
    ),
    dict(type='mim_secrets.FlipPair', prob=0.5),
    dict(type='mim_secrets.GreyPair', prob=0.05),
    dict(type='mim_secrets.BrightenPair', amount=0.4),
    dict(type='mim_secrets.PackPair'),
]
train_dataloader = dict(
    batch_size=16,
    dataset=dict(max_gap=100, pipeline=train_pipeline),
)
