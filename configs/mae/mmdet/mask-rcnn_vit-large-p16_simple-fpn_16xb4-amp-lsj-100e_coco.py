_base_ = [
    '../../_base_/models/mask-rcnn_vit-large-p16.py',
    '../../_base_/datasets/coco_bs4_lsj-1024px.py',
    '../../_base_/schedules/vitdet_100e.py',
    '../../_base_/mmdet_runtime.py',
]

optim_wrapper = dict(paramwise_cfg=dict(layer_decay_rate=0.8))
