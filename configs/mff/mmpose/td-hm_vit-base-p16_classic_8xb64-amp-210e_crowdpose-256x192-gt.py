_base_ = '../../mae/mmpose/td-hm_vit-base-p16_classic_8xb64-amp-210e_crowdpose-256x192-gt.py'
