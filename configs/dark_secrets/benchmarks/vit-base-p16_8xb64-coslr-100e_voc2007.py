_base_ = [
    '../../_base_/models/finetune_vit-base-p16.py',
    '../../_base_/datasets/transfer_voc2007.py',
    '../../_base_/schedules/transfer_vit_coslr-100e.py',
    '../../_base_/classification_runtime.py',
]

model = dict(
    head=dict(
        _delete_=True,
        type='MultiLabelLinearClsHead',
        num_classes=20,
        in_channels=768,
        loss=dict(type='CrossEntropyLoss', use_sigmoid=True),
        init_cfg=dict(type='TruncNormal', layer='Linear', std=2e-5),
    )
)
