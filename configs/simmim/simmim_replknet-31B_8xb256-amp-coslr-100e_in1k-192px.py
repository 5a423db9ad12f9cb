_base_ = [
    '../_base_/models/simmim_replknet-31B-192px.py',
    '../_base_/datasets/imagenet_bs256_simmim-192px.py',
    '../_base_/schedules/simmim_coslr-100e.py',
    '../_base_/default_runtime.py',
]
