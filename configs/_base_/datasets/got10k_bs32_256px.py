"""60,000 pairs an epoch of GOT-10k alone, as its protocol asks; its server tests."""

data_root = 'data/got10k'
train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='mim_secrets.LoadPair'),
    dict(
        type='mim_secrets.CropPair',
        template_size=128,
        search_size=256,
        template_factor=2.0,
        search_factor=4.0,
        centre_jitter=3.0,
        scale_jitter=0.25,
    ),
    dict(type='mim_secrets.FlipPair', prob=0.5),
    dict(type='mim_secrets.GreyPair', prob=0.05),
    dict(type='mim_secrets.BrightenPair', amount=0.2),
    dict(type='mim_secrets.PackPair'),
]
train_dataloader = dict(
    batch_size=32,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mim_secrets.TrackingPairs',
        sources=[dict(type='mim_secrets.GOT10k', root=data_root)],
        pairs_per_epoch=60_000,
        max_gap=200,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(type='mim_secrets.GOT10k', root=data_root, split='val'),
    batch_size=8,  # sequences side by side
    num_workers=8,
)
val_evaluator = dict(type='mim_secrets.GOT10kMetric')
test_dataloader = dict(
    dataset=dict(type='mim_secrets.GOT10k', root=data_root, split='test'),
    batch_size=8,
    num_workers=8,
)
test_evaluator = []  # an archive for the server
