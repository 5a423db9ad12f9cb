_base_ = [
    '../../_base_/models/mask-rcnn_vit-small-p16.py',
    '../../_base_/datasets/coco_bs4_lsj-1024px.py',
    '../../_base_/schedules/vitdet_12e.py',
    '../../_base_/mmdet_runtime.py',
]
