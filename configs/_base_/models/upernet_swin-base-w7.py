"""UperNet on the four stages of Swin-B."""

_base_ = 'mmseg::_base_/models/upernet_swin.py'

data_preprocessor = dict(size=(512, 512))
model = dict(
    data_preprocessor=data_preprocessor,
    backbone=dict(
        _delete_=True,
        type='mim_secrets.Swin',
        arch='base',
        img_size=512,
        window_size=7,
        drop_path_rate=0.3,
        out_indices=[0, 1, 2, 3],
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    decode_head=dict(in_channels=[128, 256, 512, 1024], num_classes=150),
    auxiliary_head=dict(in_channels=512, num_classes=150),
)
