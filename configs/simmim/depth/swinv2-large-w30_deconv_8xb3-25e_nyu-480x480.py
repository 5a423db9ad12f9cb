_base_ = [
    '../../_base_/models/depth_swinv2-large_nyu.py',
    '../../_base_/datasets/nyu_depth_bs3_480px.py',
    '../../_base_/schedules/depth_swinv2-large_25e.py',
    '../../_base_/mmseg_depth_runtime.py',
]
