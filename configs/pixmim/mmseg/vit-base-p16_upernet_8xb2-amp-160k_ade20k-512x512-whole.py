_base_ = '../../mae/mmseg/vit-base-p16_upernet_8xb2-amp-160k_ade20k-512x512-whole.py'
