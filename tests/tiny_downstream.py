"""Runs of detection, segmentation and pose estimation, as small as they can be."""

from pathlib import Path

from mmengine.config import Config

from mim_secrets.datasets.playground import ADE20K_CLASSES, COCO_CLASSES

SIZE = 64
BACKBONE = dict(
    type='mim_secrets.ViT',
    arch=dict(embed_dims=48, num_layers=3, num_heads=3, feedforward_channels=96),
    img_size=SIZE,
    patch_size=8,
    out_type='featmap',
    init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
)
COLOURS = dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True)
NORM = dict(type='mim_secrets.LN2d', eps=1e-6)
CODEC = dict(type='UDPHeatmap', input_size=(SIZE, SIZE), heatmap_size=(16, 16), sigma=1)


def loader(dataset: dict, train: bool) -> dict:
    """Config of a data loader; how a batch is put together is left to the library."""
    return dict(
        batch_size=4 if train else 1,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=train),
        dataset=dict(dataset, indices=16 if train else 6),
    )


def detection(root: Path) -> dict:
    """Mask R-CNN on images that keep their shape, so that a batch has several."""
    load = [dict(type='LoadImageFromFile')]
    annotations = [dict(type='LoadAnnotations', with_bbox=True, with_mask=True)]
    resize = [dict(type='Resize', scale=(SIZE, SIZE), keep_ratio=True)]
    keys = ('img_id', 'img_path', 'ori_shape', 'img_shape', 'scale_factor')

    def split(name: str, pipeline: list, **options: object) -> dict:
        return dict(
            type='CocoDataset',
            data_root=str(root),
            ann_file=f'annotations/instances_{name}2017.json',
            data_prefix=dict(img=f'{name}2017/'),
            metainfo=dict(classes=COCO_CLASSES),
            pipeline=pipeline,
            **options,
        )

    train = split(
        'train',
        [*load, *annotations, *resize, dict(type='RandomFlip', prob=0.5)]
        + [dict(type='PackDetInputs')],
        filter_cfg=dict(filter_empty_gt=True),
    )
    pack = dict(type='PackDetInputs', meta_keys=keys)
    val = split('val', [*load, *resize, *annotations, pack], test_mode=True)
    head = dict(num_convs=1, in_channels=32, conv_out_channels=32, norm_cfg=NORM)
    few = dict(nms_pre=50, max_per_img=8)
    return dict(
        _base_=['mmdet::_base_/models/mask-rcnn_r50_fpn.py', 'mmdet::_base_/default_runtime.py'],
        model=dict(
            data_preprocessor=dict(pad_size_divisor=32),
            backbone=dict(_delete_=True, **BACKBONE),
            neck=dict(
                _delete_=True,
                type='mim_secrets.SimpleFeaturePyramid',
                in_channels=48,
                out_channels=32,
                num_outs=5,
            ),
            rpn_head=dict(in_channels=32, feat_channels=32),
            roi_head=dict(
                bbox_roi_extractor=dict(out_channels=32),
                bbox_head=dict(in_channels=32, fc_out_channels=32, num_classes=len(COCO_CLASSES)),
                mask_roi_extractor=dict(out_channels=32),
                mask_head=dict(**head, num_classes=len(COCO_CLASSES)),
            ),
            train_cfg=dict(rpn_proposal=few, rcnn=dict(sampler=dict(num=8))),
            test_cfg=dict(rpn=few, rcnn=dict(max_per_img=8, score_thr=0.0)),
        ),
        train_dataloader=loader(train, train=True),
        val_dataloader=loader(val, train=False),
        val_evaluator=dict(
            type='CocoMetric',
            ann_file=str(root / 'annotations/instances_val2017.json'),
            metric=['bbox', 'segm'],
        ),
    )


def segmentation(root: Path) -> dict:
    """UperNet's kind of model with the head of an FCN."""

    def split(name: str, pipeline: list) -> dict:
        return dict(
            type='ADE20KDataset',
            data_root=str(root),
            data_prefix=dict(img_path=f'images/{name}', seg_map_path=f'annotations/{name}'),
            metainfo=dict(classes=ADE20K_CLASSES),
            pipeline=pipeline,
        )

    load = [dict(type='LoadImageFromFile')]
    annotations = [dict(type='LoadAnnotations', reduce_zero_label=True)]
    pack = [dict(type='PackSegInputs')]
    crop = [
        dict(type='RandomResize', scale=(SIZE, SIZE), ratio_range=(1.0, 1.5), keep_ratio=True),
        dict(type='RandomCrop', crop_size=(SIZE, SIZE)),
    ]
    resize = [dict(type='Resize', scale=(SIZE, SIZE), keep_ratio=True)]
    return dict(
        _base_=['mmseg::_base_/default_runtime.py'],
        model=dict(
            type='EncoderDecoder',
            data_preprocessor=dict(
                type='SegDataPreProcessor',
                **COLOURS,
                size=(SIZE, SIZE),
                test_cfg=dict(size_divisor=8),
                pad_val=0,
                seg_pad_val=255,
            ),
            backbone=BACKBONE,
            decode_head=dict(
                type='FCNHead',
                in_channels=48,
                in_index=0,
                channels=16,
                num_convs=1,
                num_classes=len(ADE20K_CLASSES),
                norm_cfg=dict(type='BN'),
            ),
            test_cfg=dict(mode='whole'),
        ),
        train_dataloader=loader(split('training', [*load, *annotations, *crop, *pack]), train=True),
        val_dataloader=loader(
            split('validation', [*load, *resize, *annotations, *pack]), train=False
        ),
        val_evaluator=dict(type='IoUMetric', iou_metrics=['mIoU']),
        log_processor=dict(by_epoch=True),
        default_hooks=dict(visualization=dict(type='SegVisualizationHook')),
    )


def pose(root: Path) -> dict:
    """Heat maps of one person at a time, from true boxes."""

    def split(name: str, pipeline: list, **options: object) -> dict:
        return dict(
            type='CocoDataset',
            data_root=str(root),
            data_mode='topdown',
            ann_file=f'annotations/person_keypoints_{name}2017.json',
            data_prefix=dict(img=f'{name}2017/'),
            pipeline=pipeline,
            **options,
        )

    start = [dict(type='LoadImage'), dict(type='GetBBoxCenterScale')]
    cut = [dict(type='TopdownAffine', input_size=CODEC['input_size'], use_udp=True)]
    pack = [dict(type='PackPoseInputs')]
    target = [dict(type='GenerateTarget', encoder=CODEC)]
    return dict(
        _base_=['mmpose::_base_/default_runtime.py'],
        model=dict(
            type='TopdownPoseEstimator',
            data_preprocessor=dict(type='PoseDataPreprocessor', **COLOURS),
            backbone=dict(BACKBONE, img_size=SIZE),
            head=dict(
                type='HeatmapHead',
                in_channels=48,
                out_channels=17,
                deconv_out_channels=(16,),
                deconv_kernel_sizes=(4,),
                loss=dict(type='KeypointMSELoss', use_target_weight=True),
                decoder=CODEC,
            ),
            test_cfg=dict(flip_test=False, output_heatmaps=True),
        ),
        train_dataloader=loader(
            split('train', [*start, dict(type='RandomFlip'), *cut, *target, *pack]), train=True
        ),
        val_dataloader=loader(split('val', [*start, *cut, *pack], test_mode=True), train=False),
        val_evaluator=dict(
            type='CocoMetric', ann_file=str(root / 'annotations/person_keypoints_val2017.json')
        ),
    )


KINDS = dict(mmdet=detection, mmseg=segmentation, mmpose=pose)
LAYOUTS = dict(mmdet='coco', mmseg='ade20k', mmpose='coco')


def write_config(folder: Path, library: str, root: Path, **overrides: object) -> Path:
    """A config of ``library`` that trains on the playground at ``root`` for one epoch."""
    cfg = KINDS[library](root)
    cfg.update(
        custom_imports=dict(imports=['mim_secrets'], allow_failed_imports=False),
        default_hooks=dict(**cfg.get('default_hooks', {}), logger=dict(type='LoggerHook')),
        optim_wrapper=dict(
            optimizer=dict(type='AdamW', lr=1e-3),
            constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
            paramwise_cfg=dict(layer_decay_rate=0.9),
        ),
        train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=1),
        val_cfg=dict(type='ValLoop'),
        test_cfg=dict(type='TestLoop'),
        randomness=dict(seed=0),
    )
    if library == 'mmpose':  # whose runtime says half of it
        cfg['train_cfg'] = dict(by_epoch=True, max_epochs=1)
        cfg['val_cfg'] = cfg['test_cfg'] = dict()
    cfg |= dict(test_dataloader=cfg['val_dataloader'], test_evaluator=cfg['val_evaluator'])
    path = folder / f'tiny_{library}.py'
    lines = (f'{key} = {value!r}' for key, value in {**cfg, **overrides}.items())
    path.write_text('\n'.join(lines) + '\n')
    Config.fromfile(path)  # a mistake in it fails here and not in a process of its own
    return path
