"""RepLKNet-31B on labels, for as long as SimMIM. Rates, drop path and averaging are its own."""

_base_ = [
    '../_base_/models/finetune_replknet-31B.py',
    '../_base_/datasets/imagenet_bs256_finetune-192px.py',
    '../_base_/schedules/supervised_coslr-100e.py',
    '../_base_/classification_runtime.py',
]

model = dict(backbone=dict(img_size=192, drop_path_rate=0.5, init_cfg=None))
optim_wrapper = dict(optimizer=dict(lr=4e-3), clip_grad=None)
custom_hooks = [*_base_.custom_hooks, dict(type='EMAHook', momentum=1e-4)]
