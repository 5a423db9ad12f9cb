"""The same with the layer decay of ViT-S and ViT-L."""

_base_ = './pose_vit_210e.py'

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.8))
