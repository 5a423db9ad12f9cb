"""A linear classifier on the frozen encoder's class token, on all labels.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
"""

_base_ = './vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'

model = dict(
    backbone=dict(frozen_stages=6, drop_path_rate=0.0, out_type='cls_token', final_norm=True),
    neck=dict(type='ClsBatchNormNeck', input_features=96),
    head=dict(loss=dict(_delete_=True, type='CrossEntropyLoss')),
)
train_dataloader = dict(batch_size=256, dataset=dict(ann_file='meta/train.txt'))
optim_wrapper = dict(_delete_=True, optimizer=dict(type='AdamW', lr=1e-2, weight_decay=0.0))
auto_scale_lr = dict(base_batch_size=256)
