"""Oxford-IIIT Pets, 37 breeds, by mean accuracy of classes."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=37)
train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.OxfordIIITPet',
        data_root='data/Oxford-IIIT_Pets',
        split='trainval',
        count=3680,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.OxfordIIITPet',
        data_root='data/Oxford-IIIT_Pets',
        split='test',
        count=3669,
    )
)
test_dataloader = val_dataloader
# recall, averaged over classes, is the mean per-class accuracy
val_evaluator = dict(_delete_=True, type='SingleLabelMetric', items=['recall'])
test_evaluator = val_evaluator
