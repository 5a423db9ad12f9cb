_base_ = [
    '../_base_/models/simmim_vit-base-p16.py',
    '../_base_/datasets/imagenet_bs256_simmim.py',
    '../_base_/schedules/simmim_steplr-800e.py',
    '../_base_/default_runtime.py',
]
