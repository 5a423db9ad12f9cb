_base_ = [
    '../../_base_/models/finetune_vit-base-p16.py',
    '../../_base_/datasets/imagenet-sketch_bs128.py',
    '../../_base_/classification_runtime.py',
]
