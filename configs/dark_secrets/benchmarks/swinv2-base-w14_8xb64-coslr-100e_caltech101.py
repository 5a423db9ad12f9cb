_base_ = [
    '../../_base_/models/finetune_swinv2-base-w14.py',
    '../../_base_/datasets/transfer_caltech101.py',
    '../../_base_/schedules/transfer_swinv2_coslr-100e.py',
    '../../_base_/classification_runtime.py',
]

model = dict(head=dict(num_classes=102))
