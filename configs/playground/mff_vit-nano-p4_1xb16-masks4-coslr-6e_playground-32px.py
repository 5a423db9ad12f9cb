"""MFF that draws four masks for every decoded image.

A step encodes 64 views as its twins do, of 16 images; six epochs of images are
24 of views.
"""

_base_ = './mff_vit-nano-p4_1xb64-coslr-25e_playground-32px.py'

model = dict(masking=dict(masks_per_image=4))
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)

max_epochs = 6
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=0.5,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 0.5,
        by_epoch=True,
        begin=0.5,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
