_base_ = [
    '../_base_/models/mae_vit-large-p16.py',
    '../_base_/datasets/imagenet_bs512_rrc.py',
    '../_base_/schedules/pretrain_coslr-1600e.py',
    '../_base_/default_runtime.py',
]
