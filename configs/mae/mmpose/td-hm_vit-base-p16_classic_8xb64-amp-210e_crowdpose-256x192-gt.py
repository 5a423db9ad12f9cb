_base_ = './td-hm_vit-base-p16_classic_8xb64-amp-210e_crowdpose-256x192.py'

val_dataloader = dict(dataset=dict(bbox_file=None))
test_dataloader = val_dataloader
