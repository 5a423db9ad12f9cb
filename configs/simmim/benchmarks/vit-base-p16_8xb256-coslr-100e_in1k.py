_base_ = [
    '../../_base_/models/finetune_vit-base-p16.py',
    '../../_base_/datasets/imagenet_bs256_finetune.py',
    '../../_base_/schedules/finetune_simmim-coslr-100e.py',
    '../../_base_/classification_runtime.py',
]

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.65))
