"""SimMIM on Swin-B: what the last stage's tokens stand for, 32 px, is masked."""

model = dict(
    type='SimMIM',
    backbone=dict(
        type='Swin',
        arch='base',
        img_size=192,
        window_size=6,
        drop_path_rate=0.0,
        with_mask_token=True,
    ),
    neck=dict(type='SimMIMDecoder'),
    head=dict(type='PixelHead', norm_pix=False, criterion='l1'),
    masking=dict(type='RandomMasking', ratio=0.6),
)
