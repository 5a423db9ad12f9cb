_base_ = [
    '../../_base_/models/one-stream_vit-base-p16-256px.py',
    '../../_base_/datasets/lasot-got10k-trackingnet-coco_bs32_256px.py',
    '../../_base_/schedules/one-stream_vit_300e.py',
    '../../_base_/tracking_runtime.py',
]
