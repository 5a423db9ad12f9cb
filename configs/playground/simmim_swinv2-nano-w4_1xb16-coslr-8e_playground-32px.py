"""SimMIM on a SwinV2 of that size, asked for plain pixels, with four times the steps.

Large SwinV2 are asked for pixels relative to their surroundings, which change within a few
pixels: too hard to guess for a run of some minutes.
"""

_base_ = './simmim_swin-nano-w4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    backbone=dict(type='mim_secrets.SwinV2', arch=dict(extra_norm_every_n_blocks=0)),
)
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)
default_hooks = dict(logger=dict(interval=200))
