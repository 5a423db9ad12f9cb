_base_ = '../../simmim/mmpose/td-hm_swinv2-base-w16_deconv_8xb32-amp-150e_coco-256x256-gt.py'
