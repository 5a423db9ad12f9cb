_base_ = [
    '../../_base_/models/depth_vit-base-p16_nyu.py',
    '../../_base_/datasets/nyu_depth_bs3_480px.py',
    '../../_base_/schedules/depth_vit_25e.py',
    '../../_base_/mmseg_depth_runtime.py',
]
