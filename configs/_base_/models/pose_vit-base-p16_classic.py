"""ViTPose: ViT-B/16, two deconvolutions and one heat map for each key point of COCO."""

model = dict(
    type='TopdownPoseEstimator',
    data_preprocessor=dict(
        type='PoseDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True,
    ),
    backbone=dict(
        type='mim_secrets.ViT',
        arch='base',
        img_size=(256, 192),
        patch_size=16,
        patch_cfg=dict(padding=2),
        drop_path_rate=0.3,
        out_type='featmap',
        with_cls_token=False,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    head=dict(
        type='HeatmapHead',
        in_channels=768,
        out_channels=17,
        deconv_out_channels=(256, 256),
        deconv_kernel_sizes=(4, 4),
        loss=dict(type='KeypointMSELoss', use_target_weight=True),
        decoder=dict(type='UDPHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2),
    ),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False),
)
