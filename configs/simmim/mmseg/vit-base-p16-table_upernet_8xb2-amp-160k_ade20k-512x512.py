_base_ = '../../mae/mmseg/vit-base-p16-table_upernet_8xb2-amp-160k_ade20k-512x512.py'
