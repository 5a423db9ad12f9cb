_base_ = [
    '../../_base_/models/two-stream_swinv2-base-w12-384px.py',
    '../../_base_/datasets/lasot-got10k-trackingnet-coco_bs16_384px.py',
    '../../_base_/schedules/two-stream_swinv2_300e.py',
    '../../_base_/tracking_runtime.py',
]
