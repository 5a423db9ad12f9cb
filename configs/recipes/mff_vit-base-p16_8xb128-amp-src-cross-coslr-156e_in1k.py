"""Less than half as much compute as MFF: the cross-attention decoder, about half the
epochs, and batches of 1024 for 4096 at the same rate, so that there are more steps."""

_base_ = './mff_vit-base-p16_8xb512-amp-src-cross-coslr-300e_in1k.py'

train_dataloader = dict(batch_size=128)
auto_scale_lr = dict(base_batch_size=1024)

max_epochs = 156
train_cfg = dict(max_epochs=max_epochs)
param_scheduler = [
    dict(
        type='LinearLR',
        start_factor=1e-4,
        by_epoch=True,
        begin=0,
        end=21,
        convert_to_iter_based=True,
    ),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs - 21,
        by_epoch=True,
        begin=21,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
