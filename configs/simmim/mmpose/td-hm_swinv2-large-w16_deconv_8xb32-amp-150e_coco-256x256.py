_base_ = [
    '../../_base_/models/pose_swinv2-large-w16_deconv.py',
    '../../_base_/datasets/coco_pose_bs32_256x256.py',
    '../../_base_/schedules/pose_swinv2-large_150e.py',
]
