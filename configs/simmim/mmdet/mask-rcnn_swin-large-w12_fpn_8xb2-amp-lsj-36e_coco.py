_base_ = [
    '../../_base_/models/mask-rcnn_swin-large-w12.py',
    '../../_base_/datasets/coco_bs2_lsj-1024px.py',
    '../../_base_/schedules/mask-rcnn_swin_36e.py',
    '../../_base_/mmdet_runtime.py',
]
