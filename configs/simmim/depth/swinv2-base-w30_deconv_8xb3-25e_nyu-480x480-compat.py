"""As the released model was trained and tested; to test it, see docs/en/depth.md."""

_base_ = './swinv2-base-w30_deconv_8xb3-25e_nyu-480x480.py'

model = dict(
    data_preprocessor=dict(mean=[0.0, 0.0, 0.0], std=[255.0, 255.0, 255.0]),
    test_cfg=dict(reference_compat=True),
)
train_pipeline = _base_.train_pipeline
train_pipeline[2].update(reference_compat=True)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
