_base_ = '../../simmim/mmseg/swin-base-w7_upernet_8xb2-amp-160k_ade20k-512x512.py'
