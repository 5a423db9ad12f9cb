_base_ = '../../simmim/mmseg/swinv2-base-w16_upernet_8xb2-amp-160k_ade20k-512x512.py'
