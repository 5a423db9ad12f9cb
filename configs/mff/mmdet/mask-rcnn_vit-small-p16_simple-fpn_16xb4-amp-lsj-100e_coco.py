_base_ = '../../mae/mmdet/mask-rcnn_vit-small-p16_simple-fpn_16xb4-amp-lsj-100e_coco.py'
