"""SimMIM on a SwinV2 of that size, with four times the steps; asked for plain pixels, as in
the paper, and not for pixels relative to their surroundings, as the released weights were.
"""

_base_ = './simmim_swin-nano-w4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    backbone=dict(type='mim_secrets.SwinV2', arch=dict(extra_norm_every_n_blocks=0)),
)
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(logger=dict(interval=200))
