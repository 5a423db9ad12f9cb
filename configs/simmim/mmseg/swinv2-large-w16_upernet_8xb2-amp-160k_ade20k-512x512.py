_base_ = [
    '../../_base_/models/upernet_swinv2-large-w16.py',
    '../../_base_/datasets/ade20k_bs2_512px.py',
    '../../_base_/schedules/upernet_swin_160k.py',
    '../../_base_/mmseg_runtime.py',
]
