"""UperNet on four blocks of ViT-B/16, each rescaled to one level of a pyramid."""

_base_ = 'mmseg::_base_/models/upernet_mae.py'

data_preprocessor = dict(size=(512, 512))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        _delete_=True,
        type='mim_secrets.ViT',
        arch='base',
        img_size=512,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='featmap',
        out_indices=[3, 5, 7, 11],
        final_norm=False,
        layer_scale_init_value=1.0,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    neck=dict(
        _delete_=True,
        type='mim_secrets.SimpleFeaturePyramid',
        in_channels=768,
        norm_cfg=dict(type='SyncBN'),
    ),
    decode_head=dict(in_channels=[768, 768, 768, 768], channels=768, num_classes=150),
    auxiliary_head=dict(in_channels=768, num_classes=150),
    test_cfg=dict(mode='slide', crop_size=(512, 512), stride=(341, 341)),
)
