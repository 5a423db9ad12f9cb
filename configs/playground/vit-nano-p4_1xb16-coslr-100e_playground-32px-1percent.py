"""Fine-tuning on a hundredth of the labels: eight images of each class.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
"""

_base_ = './vit-nano-p4_1xb32-coslr-10e_playground-32px-10percent.py'

max_epochs = 100
train_dataloader = dict(batch_size=16, dataset=dict(ann_file='meta/train_1percent.txt'))
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=10,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 10,
        by_epoch=True,
        begin=10,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(logger=dict(interval=5), checkpoint=dict(interval=max_epochs))
