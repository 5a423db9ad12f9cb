_base_ = './vit-base-p16_8xb128-coslr-100e_in1k.py'

# A batch of 256 makes 50 steps of an epoch; the rate falls with it.
train_dataloader = dict(batch_size=32, dataset=dict(ann_file='meta/train_1percent.txt'))
optim_wrapper = dict(optimizer=dict(lr=2e-3 * 256 / 1024))
auto_scale_lr = dict(base_batch_size=256)
train_cfg = dict(val_interval=10)
