"""Depth of up to 10 m from the last stage of SwinV2-B, whose windows cover a crop of
480 px whole in stages 3 and 4."""

crop_size = (480, 480)
model = dict(
    type='mim_secrets.DepthEstimator',
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
        size=crop_size,
        seg_pad_val=0,  # no depth
    ),
    backbone=dict(
        type='mim_secrets.SwinV2',
        arch='base',
        img_size=480,
        window_size=[30, 30, 30, 15],
        pretrained_window_sizes=[12, 12, 12, 6],
        drop_path_rate=0.3,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    decode_head=dict(
        type='mim_secrets.DeconvDepthHead',
        in_channels=1024,
        stride=32,
        channels=128,
        max_depth=10.0,
        loss=dict(type='mim_secrets.BatchSiLogLoss'),
    ),
    test_cfg=dict(mode='shifted', windows=2, flip=True),
)
