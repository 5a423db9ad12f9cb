"""FGVC Aircraft, 100 variants, by mean accuracy of classes."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=100)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.FGVCAircraft',
        data_root='data/fgvc-aircraft-2013b',
        split='trainval',
        count=6667,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.FGVCAircraft',
        data_root='data/fgvc-aircraft-2013b',
        split='test',
        count=3333,
    )
)
test_dataloader = val_dataloader
# recall, averaged over classes, is the mean per-class accuracy
val_evaluator = dict(_delete_=True, type='SingleLabelMetric', items=['recall'])
test_evaluator = val_evaluator
