"""As the released model was trained and tested; to test it, see docs/en/depth.md."""

_base_ = './swinv2-large-w22_deconv_8xb3-25e_kitti-352x352.py'

model = dict(
    data_preprocessor=dict(mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]),
    test_cfg=dict(reference_compat=True),
)
train_pipeline = _base_.train_pipeline
train_pipeline[3].update(reference_compat=True)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
