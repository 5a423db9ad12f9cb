"""Less than half as much compute as MFF: the cross-attention decoder, about half the
epochs, and batches of 16 for 64 at the same rate, so that there are more steps."""

_base_ = './mff_vit-nano-p4_1xb64-cross-coslr-25e_playground-32px.py'

train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)

max_epochs = 13
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=1,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 1,
        by_epoch=True,
        begin=1,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
