_base_ = [
    '../../_base_/models/upernet_vit-large-p16.py',
    '../../_base_/datasets/ade20k_bs2_512px.py',
    '../../_base_/schedules/upernet_vit_160k.py',
    '../../_base_/mmseg_runtime.py',
]

# that of MAE's classifiers
optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.75))
