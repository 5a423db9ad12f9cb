_base_ = [
    '../../_base_/models/upernet_vit-base-p16-whole.py',
    '../../_base_/datasets/ade20k_bs2_512px.py',
    '../../_base_/schedules/upernet_vit_160k.py',
    '../../_base_/mmseg_runtime.py',
]
