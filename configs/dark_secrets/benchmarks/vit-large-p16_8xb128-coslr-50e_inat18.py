_base_ = [
    '../../_base_/models/finetune_vit-base-p16.py',
    '../../_base_/datasets/transfer_inat18.py',
    '../../_base_/schedules/finetune_coslr-50e.py',
    '../../_base_/classification_runtime.py',
]

model = dict(
    backbone=dict(arch='large', drop_path_rate=0.2),
    head=dict(num_classes=8142, in_channels=1024),
)
optim_wrapper = dict(optimizer=dict(lr=4e-3), paramwise_cfg=dict(layer_decay_rate=0.75))
