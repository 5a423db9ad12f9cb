_base_ = [
    '../../_base_/models/pose_vit-large-p16_simple.py',
    '../../_base_/datasets/coco_pose_bs64_udp-256x192.py',
    '../../_base_/schedules/pose_vit_210e_decay-0.8.py',
]
