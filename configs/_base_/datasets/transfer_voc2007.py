"""VOC 2007, 20 classes, by 11-point mean average precision."""

_base_ = './transfer_bs64.py'

data_preprocessor = dict(num_classes=20, to_onehot=True)
test_pipeline = [
    *_base_.test_pipeline[:-1],
    dict(type='PackInputs', meta_keys=('sample_idx', 'img_path', 'gt_label_difficult')),
]

train_dataloader = dict(
    dataset=dict(
        type='mim_secrets.VOC',
        data_root='data/VOCdevkit/VOC2007',
        split='trainval',
        count=5011,
    )
)
val_dataloader = dict(
    dataset=dict(
        type='mim_secrets.VOC',
        data_root='data/VOCdevkit/VOC2007',
        split='test',
        count=4952,
        test_mode=True,
        pipeline=test_pipeline,
    )
)
test_dataloader = val_dataloader
val_evaluator = dict(_delete_=True, type='mim_secrets.ElevenPointPrecision')
test_evaluator = val_evaluator
