_base_ = '../../simmim/mmdet/mask-rcnn_swinv2-base-w16_fpn_8xb2-amp-lsj-36e_coco.py'
