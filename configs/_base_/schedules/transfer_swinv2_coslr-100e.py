"""100 epochs of fine-tuning a SwinV2 on a smaller set, with 512 images per step."""

_base_ = './finetune_simmim-coslr-100e.py'

optim_wrapper = dict(optimizer=dict(lr=1.25e-3), paramwise_cfg=dict(layer_decay_rate=0.75))
auto_scale_lr = dict(base_batch_size=512)
