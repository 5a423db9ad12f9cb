"""The same for SwinV2-L."""

_base_ = './depth_swinv2-base_25e.py'

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.85))
