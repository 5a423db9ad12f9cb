"""100 epochs of fine-tuning a ViT on a smaller set, with 512 images per step."""

_base_ = './finetune_coslr-100e.py'

optim_wrapper = dict(optimizer=dict(lr=1e-3))
auto_scale_lr = dict(base_batch_size=512)
