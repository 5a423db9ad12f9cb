_base_ = [
    '../_base_/models/pixmim_vit-base-p16.py',
    '../_base_/datasets/imagenet_bs512_src.py',
    '../_base_/schedules/pretrain_coslr-800e.py',
    '../_base_/default_runtime.py',
]
