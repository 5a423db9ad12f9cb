"""The same for SwinV2-L."""

_base_ = './pose_swinv2_150e.py'

optim_wrapper = dict(optimizer=dict(lr=3.33e-4, weight_decay=0.0625))
