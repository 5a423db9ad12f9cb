"""The nano RepLKNet on all labels, for as long and on as many images a step as SimMIM."""

_base_ = './supervised_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.RepLKNet',
        arch=dict(
            large_kernel_sizes=[13, 7],
            layers=[2, 4],
            channels=[48, 96],
            small_kernel=3,
            dw_ratio=1,
        ),
        img_size=32,
        strides=[2, 2],
        dilations=[1, 1],
        out_indices=[1],
        drop_path_rate=0.1,
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead'),
)
