_base_ = [
    '../../_base_/models/linear_swinv2-base-w14.py',
    '../../_base_/datasets/transfer_cog.py',
    '../../_base_/schedules/linear_coslr-90e.py',
    '../../_base_/classification_runtime.py',
]
