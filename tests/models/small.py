"""Models small enough for a test to train."""

from mim_secrets.models import MAE, MFF

ARCH = dict(embed_dims=48, num_layers=6, num_heads=4, feedforward_channels=96)


def small_config(method: str = 'MFF', img_size=32, patch_size: int = 8, arch=ARCH, **overrides):
    cfg = dict(
        backbone=dict(
            type='mim_secrets.ViT',
            arch=arch,
            img_size=img_size,
            patch_size=patch_size,
            position='sincos',
            out_type='raw',
        ),
        neck=dict(type='mim_secrets.MAEDecoder', dims=32, depth=2, num_heads=4),
        head=dict(type='mim_secrets.PixelHead'),
        masking=dict(type='mim_secrets.RandomMasking', ratio=0.75),
    )
    if method == 'MFF':
        cfg['fusion'] = dict(type='mim_secrets.MultiLevelFusion')
    return {**cfg, **overrides}


def small_model(method: str = 'MFF', **options):
    model = {'MAE': MAE, 'MFF': MFF}[method](**small_config(method, **options))
    model.init_weights()
    return model
