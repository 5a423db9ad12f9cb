"""NYUv2 in crops of 480 px, three a process; names without prefix are mmseg's."""

data_root = 'data/nyu'
meta_keys = (
    'img_path', 'depth_map_path', 'listed_at', 'ori_shape', 'img_shape', 'pad_shape', 'flip',
    'flip_direction',
)  # fmt: skip
train_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mim_secrets.LoadDepth'),
    dict(type='mim_secrets.CutDepth', max_depth=10.0),
    dict(type='RandomFlip', prob=0.5),
    dict(type='RandomCrop', crop_size=(480, 480)),
    dict(type='mim_secrets.RandomBrightnessContrast'),
    dict(type='mim_secrets.RandomGamma'),
    dict(type='mim_secrets.RandomHueSaturationValue'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
test_pipeline = [
    dict(type='LoadImageFromFile'),
    dict(type='mim_secrets.LoadDepth'),
    dict(type='PackSegInputs', meta_keys=meta_keys),
]
train_dataloader = dict(
    batch_size=3,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    dataset=dict(
        type='mim_secrets.NYUDepth',
        data_root=data_root,
        ann_file='nyudepthv2_train_files_with_gt.txt',
        data_prefix=dict(img_path='sync', depth_map_path='sync'),
        count=24231,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=1,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='mim_secrets.NYUDepth',
        data_root=data_root,
        ann_file='nyudepthv2_test_files_with_gt.txt',
        data_prefix=dict(img_path='official_splits/test', depth_map_path='official_splits/test'),
        count=654,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
val_evaluator = dict(type='mim_secrets.DepthMetric', max_depth=10.0, crop='nyu')
test_evaluator = val_evaluator
