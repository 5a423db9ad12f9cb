"""The quickstart's MAE, its images read by the fast path."""

_base_ = './mae_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'

train_pipeline = [
    dict(type='mim_secrets.SeedSample'),
    dict(type='FastRandomResizedCrop', scale=32, crop_ratio_range=(0.4, 1.0)),
    dict(type='mmpretrain.PackInputs', meta_keys=('sample_idx',)),
]
train_dataloader = dict(
    dataset=dict(
        _delete_=True,
        type='PretrainImages',
        data_root=_base_.data_root,
        data_prefix='train',
        with_label=True,
        pipeline=train_pipeline,
    )
)
custom_hooks = [*_base_.custom_hooks, dict(type='mim_secrets.SkippedImagesHook')]
