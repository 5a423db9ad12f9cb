_base_ = [
    '../../_base_/models/pose_vit-base-p16_classic.py',
    '../../_base_/datasets/crowdpose_pose_bs64_udp-256x192.py',
    '../../_base_/schedules/pose_vit_210e.py',
]

model = dict(head=dict(out_channels=14))
