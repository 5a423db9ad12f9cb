"""KITTI by Eigen's lists in crops of 352 px, three a process; names without prefix are
mmseg's."""

data_root = 'data/kitti'
meta_keys = (
    'img_path', 'depth_map_path', 'listed_at', 'ori_shape', 'img_shape', 'pad_shape', 'flip',
    'flip_direction',
)  # fmt: skip
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mim_secrets.LoadDepth'),
    dict(type='mim_secrets.KBCrop'),
    dict(type='mim_secrets.CutDepth', max_depth=80.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=(352, 352)),
    dict(type='mim_secrets.RandomBrightnessContrast'),
    dict(type='mim_secrets.RandomGamma'),
    dict(type='mim_secrets.RandomHueSaturationValue'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mim_secrets.LoadDepth'),
    dict(type='mim_secrets.KBCrop'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=3,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mim_secrets.KITTIDepth',
        data_root=data_root,
        ann_file='kitti_eigen_train_files_with_gt.txt',
        data_prefix=dict(img_path='raw', depth_map_path='data_depth_annotated'),
        count=23158,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mim_secrets.KITTIDepth',
        data_root=data_root,
        ann_file='kitti_eigen_test_files_with_gt.txt',
        data_prefix=dict(img_path='raw', depth_map_path='data_depth_annotated'),
        count=652,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='mim_secrets.DepthMetric', max_depth=80.0, crop='garg')
test_evaluator = val_evaluator
