"""ViTDet: Mask R-CNN on ViT-B/16 with windows and a simple feature pyramid."""

_base_ = 'mmdet::_base_/models/mask-rcnn_r50_fpn.py'

norm_cfg = dict(type='mim_secrets.LN2d', eps=1e-6)
model = dict(
    # Relative positions are for maps of 64 x 64 patches: every image becomes as large.
    data_preprocessor=dict(pad_size_divisor=1024),
    backbone=dict(
        _delete_=True,
        type='mim_secrets.ViT',
        arch='base',
        img_size=1024,
        patch_size=16,
        drop_path_rate=0.1,
        out_type='featmap',
        with_cls_token=False,
        final_norm=False,
        window_size=14,
        global_blocks=[2, 5, 8, 11],
        relative_position='decomposed',
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    neck=dict(
        _delete_=True,
        type='mim_secrets.SimpleFeaturePyramid',
        in_channels=768,
        out_channels=256,
        num_outs=5,
        norm_cfg=norm_cfg,
    ),
    rpn_head=dict(num_convs=2),
    roi_head=dict(
        bbox_head=dict(type='Shared4Conv1FCBBoxHead', conv_out_channels=256, norm_cfg=norm_cfg),
        mask_head=dict(norm_cfg=norm_cfg),
    ),
)
