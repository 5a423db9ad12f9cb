_base_ = [
    '../../_base_/models/finetune_vit-base-p16.py',
    '../../_base_/datasets/imagenet_bs128_finetune.py',
    '../../_base_/schedules/finetune_coslr-100e.py',
    '../../_base_/classification_runtime.py',
]
