"""Template and search window through three stages of SwinV2-B, then SwinTrack-B's fusion.

Windows are those of pre-training: they divide all maps of both pictures (96, 48 and 24;
48, 24 and 12).
"""

model = dict(
    type='mim_secrets.TwoStreamTracker',
    backbone=dict(
        type='mim_secrets.SwinV2',
        arch='base',
        img_size=384,
        window_size=[12, 12, 12, 6],
        drop_last=2,  # the fourth stage
        drop_path_rate=0.1,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    fusion=dict(type='mim_secrets.PairFusion', dims=512, depth=8, num_heads=8, drop_path_rate=0.1),
    head=dict(type='mim_secrets.OverlapHead', in_channels=512),
    template_size=192,
    search_size=384,
    template_factor=2.0,
    search_factor=4.0,
    window_penalty=0.49,
)
