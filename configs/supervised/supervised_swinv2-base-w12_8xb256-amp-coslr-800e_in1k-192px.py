"""SwinV2-B on labels, for as long as SimMIM. The recipe is Swin's own."""

_base_ = [
    '../_base_/models/finetune_swinv2-base-w14.py',
    '../_base_/datasets/imagenet_bs256_finetune-192px.py',
    '../_base_/schedules/supervised_coslr-800e.py',
    '../_base_/classification_runtime.py',
]

model = dict(
    backbone=dict(
        img_size=192,
        window_size=[12, 12, 12, 6],
        pretrained_window_sizes=0,
        drop_path_rate=0.5,
        init_cfg=None,
    ),
)
