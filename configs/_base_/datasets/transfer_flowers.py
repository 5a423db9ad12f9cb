"""Oxford Flowers, 102 species, by mean accuracy of classes."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=102)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Flowers102',
        data_root='data/Flowers102',
        split='trainval',
        count=2040,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.Flowers102',
        data_root='data/Flowers102',
        split='test',
        count=6149,
    )
)
test_dataloader = val_dataloader
# recall, averaged over classes, is the mean per-class accuracy
val_evaluator = dict(_delete_=True, type='SingleLabelMetric', items=['recall'])
test_evaluator = val_evaluator
