_base_ = '../../mae/mmpose/td-hm_vit-base-p16_simple_8xb64-amp-210e_coco-256x192.py'
