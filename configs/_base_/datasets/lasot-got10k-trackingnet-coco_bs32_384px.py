"""60,000 pairs an epoch of four data sets in equal parts; GOT-10k's without what VOT tests
with. Tested on LaSOT."""

_base_ = './got10k_bs32_384px.py'

train_dataloader = dict(
    dataset=dict(
        sources=[
            dict(type='mim_secrets.LaSOT', root='data/lasot'),
            dict(type='mim_secrets.GOT10k', root='data/got10k', exclude='data/got10k/vot.txt'),
            dict(type='mim_secrets.TrackingNet', root='data/trackingnet'),
            dict(type='mim_secrets.COCOPairs', root='data/coco'),
        ],
    ),
)
test_dataloader = dict(
    dataset=dict(_delete_=True, type='mim_secrets.LaSOT', root='data/lasot', split='test'),
)
test_evaluator = dict(_delete_=True, type='mim_secrets.OPEMetric')
