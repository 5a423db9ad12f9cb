_base_ = '../../simmim/mmdet/mask-rcnn_swin-base-w7_fpn_8xb2-amp-lsj-36e_coco.py'
