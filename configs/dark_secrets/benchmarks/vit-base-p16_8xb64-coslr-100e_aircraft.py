_base_ = [
    '../../_base_/models/finetune_vit-base-p16.py',
    '../../_base_/datasets/transfer_aircraft.py',
    '../../_base_/schedules/transfer_vit_coslr-100e.py',
    '../../_base_/classification_runtime.py',
]

model = dict(head=dict(num_classes=100))
