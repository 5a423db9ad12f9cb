_base_ = './td-hm_swinv2-large-w16_deconv_8xb32-amp-150e_coco-256x256.py'

val_dataloader = dict(dataset=dict(bbox_file=None))
test_dataloader = val_dataloader
