_base_ = '../../mae/depth/vit-base-p16_deconv_8xb3-25e_kitti-352x352.py'
