"""ViTDet on the playground, trained in crops of 64 px: 16 x 16 patches in windows of the grid
that the encoder was pre-trained with.

From a checkpoint: --pretrained FILE_OR_WORK_DIR
From scratch:      --pretrained none
Data: python tools/dataset_converters/make_playground.py data/playground_coco \
--layout coco --preset small
"""

_base_ = '../mae/mmdet/mask-rcnn_vit-base-p16_simple-fpn_16xb4-amp-lsj-12e_coco.py'

# Patches have a quarter of the real width, and so have all lengths in pixels.
image_size, crop_size = (96, 96), (64, 64)
strides = [1, 2, 4, 8]
width = 32
rois = dict(featmap_strides=strides, finest_scale=14, out_channels=width)
model = dict(
    data_preprocessor=dict(pad_size_divisor=32),
    backbone=dict(
        arch=dict(
            _delete_=True,
            embed_dims=96,
            num_layers=6,
            num_heads=4,
            feedforward_channels=384,
        ),
        img_size=64,
        patch_size=4,
        position='sincos',
        window_size=8,
        global_blocks=[2, 5],
        relative_position='none',
    ),
    neck=dict(in_channels=96, out_channels=width),
    rpn_head=dict(
        in_channels=width,
        feat_channels=width,
        num_convs=1,
        anchor_generator=dict(strides=[*strides, 16]),
    ),
    roi_head=dict(
        bbox_roi_extractor=rois,
        mask_roi_extractor=rois,
        bbox_head=dict(
            num_classes=10,
            in_channels=width,
            conv_out_channels=width,
            fc_out_channels=128,
        ),
        mask_head=dict(num_classes=10, in_channels=width, conv_out_channels=width),
    ),
    train_cfg=dict(
        rpn_proposal=dict(nms_pre=200, max_per_img=100),
        rcnn=dict(sampler=dict(num=64)),
    ),
    test_cfg=dict(
        rpn=dict(nms_pre=100, max_per_img=100),
        rcnn=dict(max_per_img=20),
    ),
)

data_root = 'data/playground_coco/'
classes = (
    'person', 'ball', 'block', 'can', 'cone', 'cross', 'pyramid', 'ring', 'table', 'wedge',
)  # fmt: skip
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomResize', scale=image_size, ratio_range=(0.5, 2.0), keep_ratio=True),
    dict(
        type='RandomCrop',
        crop_type='absolute_range',
        crop_size=crop_size,
        recompute_bbox=True,
        allow_negative_crop=True,
    ),
    dict(type='FilterAnnotations', min_gt_bbox_wh=(1e-2, 1e-2)),
    dict(type='PackDetInputs'),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=image_size, keep_ratio=True),
    dict(type='LoadAnnotations', with_bbox=True, with_mask=True),
    dict(
        type='PackDetInputs',
        meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor'),
    ),
]
of_playground = dict(data_root=data_root, metainfo=dict(classes=classes))
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(
        **of_playground,
        indices=800,
        filter_cfg=dict(min_size=8),
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(num_workers=1, dataset=dict(**of_playground, pipeline=test_pipeline))
test_dataloader = val_dataloader
val_evaluator = dict(ann_file=data_root + 'annotations/instances_val2017.json')
test_evaluator = val_evaluator

max_epochs = 4
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(
    _delete_=True,
    type='OptimWrapper',
    optimizer=dict(type='AdamW', lr=1e-3, betas=(0.9, 0.999), weight_decay=0.1, fused=True),
    constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
    paramwise_cfg=dict(
        layer_decay_rate=0.6,
        norm_decay_mult=0.0,
        custom_keys={'pos_embed': dict(decay_mult=0.0)},
    ),
)
param_scheduler = [
    dict(type='LinearLR', start_factor=1e-3, by_epoch=False, begin=0, end=50),
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        by_epoch=True,
        begin=0,
        end=max_epochs,
        convert_to_iter_based=True,
    ),
]
auto_scale_lr = dict(base_batch_size=4)
default_hooks = dict(
    logger=dict(interval=10), checkpoint=dict(interval=max_epochs, max_keep_ckpts=1)
)
