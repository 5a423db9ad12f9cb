"""1,280 pairs an epoch of the playground as LaSOT has it: templates 32 px, search windows 64 px."""

_base_ = './lasot-got10k-trackingnet-coco_bs32_256px.py'

data_root = 'data/playground_lasot'
train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='mim_secrets.LoadPair'),
    dict(
        type='mim_secrets.CropPair',
        template_size=32,
        search_size=64,
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
    batch_size=8,
    num_workers=1,
    dataset=dict(
        sources=[dict(type='mim_secrets.LaSOT', root=data_root)],
        pairs_per_epoch=1280,
        max_gap=32,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    dataset=dict(type='mim_secrets.LaSOT', root=data_root, split='test'),
    num_workers=1,
)
val_evaluator = dict(type='mim_secrets.OPEMetric')
test_dataloader = val_dataloader
