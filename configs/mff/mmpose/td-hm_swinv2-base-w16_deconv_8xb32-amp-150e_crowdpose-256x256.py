_base_ = '../../simmim/mmpose/td-hm_swinv2-base-w16_deconv_8xb32-amp-150e_crowdpose-256x256.py'
