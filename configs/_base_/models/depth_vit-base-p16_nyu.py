"""Depth of up to 10 m from the last block of ViT-B/16, whose map has half the stride of
SwinV2's, so that the head has one deconvolution fewer."""

_base_ = './depth_swinv2-base_nyu.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='mim_secrets.ViT',
        arch='base',
        img_size=480,
        patch_size=16,
        drop_path_rate=0.3,
        out_type='featmap',
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    decode_head=dict(in_channels=768, stride=16),
)
