_base_ = [
    '../../_base_/models/finetune_replknet-31B.py',
    '../../_base_/datasets/imagenet_bs256_finetune.py',
    '../../_base_/schedules/finetune_simmim-coslr-100e.py',
    '../../_base_/classification_runtime.py',
]
