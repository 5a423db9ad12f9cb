_base_ = [
    '../../_base_/models/finetune_swinv2-base-w14.py',
    '../../_base_/datasets/transfer_inat18.py',
    '../../_base_/schedules/finetune_simmim-coslr-100e.py',
    '../../_base_/classification_runtime.py',
]

model = dict(head=dict(num_classes=8142))
train_dataloader = dict(batch_size=256)
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
