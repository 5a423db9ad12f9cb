"""MFF that draws four masks for every decoded image.

A step encodes 4096 views as its twins do, of 1024 images; 75 epochs of images are
300 of views.
"""

_base_ = '../mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py'

model = dict(masking=dict(masks_per_image=4))
train_dataloader = dict(batch_size=128)
auto_scale_lr = dict(base_batch_size=1024)

max_epochs = 75
train_cfg = dict(max_epochs=max_epochs)
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
