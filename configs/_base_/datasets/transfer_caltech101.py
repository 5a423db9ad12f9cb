"""Caltech-101, 102 classes, by mean accuracy of classes."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=102)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Caltech101',
        data_root='data/caltech-101',
        split='train',
        count=3060,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Caltech101',
        data_root='data/caltech-101',
        split='test',
        count=6084,
    )
)
test_dataloader = val_dataloader
# recall, averaged over classes, is the mean per-class accuracy
val_evaluator = dict(_delete_=True, type='SingleLabelMetric', items=['recall'])
test_evaluator = val_evaluator
