"""The nano Swin on all labels, for as long and on as many images a step as SimMIM."""

_base_ = './supervised_vit-nano-p4_1xb64-coslr-8e_playground-32px.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.Swin',
        arch=dict(embed_dims=32, depths=[2, 2, 2], num_heads=[2, 4, 4]),
        img_size=32,
        patch_size=2,
        window_size=4,
        out_indices=[2],
        drop_path_rate=0.1,
    ),
    neck=dict(type='GlobalAveragePooling'),
    head=dict(type='LinearClsHead', in_channels=128),
)
