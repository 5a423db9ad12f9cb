"""Swin-B on labels, for as long as SimMIM at 100 epochs. The recipe is Swin's own."""

_base_ = [
    '../_base_/models/finetune_swin-base-w7.py',
    '../_base_/datasets/imagenet_bs256_finetune-192px.py',
    '../_base_/schedules/supervised_coslr-100e.py',
    '../_base_/classification_runtime.py',
]

model = dict(backbone=dict(img_size=192, window_size=6, drop_path_rate=0.5, init_cfg=None))
