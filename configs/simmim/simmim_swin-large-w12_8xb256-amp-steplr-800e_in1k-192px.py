_base_ = [
    '../_base_/models/simmim_swin-large-w12-192px.py',
    '../_base_/datasets/imagenet_bs256_simmim-192px.py',
    '../_base_/schedules/simmim_steplr-800e.py',
    '../_base_/default_runtime.py',
]
