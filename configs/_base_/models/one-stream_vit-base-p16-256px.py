"""One stream of template and search window through ViT-B/16, and a head that finds centres."""

model = dict(
    type='mim_secrets.OneStreamTracker',
    backbone=dict(
        type='mim_secrets.ViT',
        arch='base',
        img_size=256,
        patch_size=16,
        drop_path_rate=0.1,
        init_cfg=dict(type='SharedCheckpoint', checkpoint=''),
    ),
    head=dict(type='mim_secrets.CentreHead', in_channels=768, channels=256),
    template_size=128,
    search_size=256,
    template_factor=2.0,
    search_factor=4.0,
    window_penalty=1.0,
)
