_base_ = './td-hm_vit-large-p16_classic_8xb64-amp-210e_coco-256x192.py'

val_dataloader = dict(dataset=dict(bbox_file=None))
test_dataloader = val_dataloader
