_base_ = [
    '../../_base_/models/two-stream_swinv2-large-w12-384px.py',
    '../../_base_/datasets/got10k_bs16_384px.py',
    '../../_base_/schedules/two-stream_swinv2_300e.py',
    '../../_base_/tracking_runtime.py',
]
