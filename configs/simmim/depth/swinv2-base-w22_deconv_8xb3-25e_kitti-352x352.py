_base_ = [
    '../../_base_/models/depth_swinv2-base_kitti.py',
    '../../_base_/datasets/kitti_depth_bs3_352px.py',
    '../../_base_/schedules/depth_swinv2-base_25e.py',
    '../../_base_/mmseg_depth_runtime.py',
]
