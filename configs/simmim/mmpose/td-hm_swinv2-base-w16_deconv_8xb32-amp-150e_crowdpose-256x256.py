_base_ = [
    '../../_base_/models/pose_swinv2-base-w16_deconv.py',
    '../../_base_/datasets/crowdpose_pose_bs32_256x256.py',
    '../../_base_/schedules/pose_swinv2_150e.py',
]

model = dict(head=dict(out_channels=14))
