"""The nano SwinV2 on all labels, for as long and on as many images a step as SimMIM."""

_base_ = './supervised_swin-nano-w4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    backbone=dict(type='mim_secrets.SwinV2', arch=dict(extra_norm_every_n_blocks=0)),
)
train_dataloader = dict(batch_size=16)
auto_scale_lr = dict(base_batch_size=16)
