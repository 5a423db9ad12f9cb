_base_ = '../../mae/mmdet/mask-rcnn_vit-large-p16_simple-fpn_16xb4-amp-lsj-12e_coco.py'
