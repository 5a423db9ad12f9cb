"""SimMIM on the ViT-B/16 of the other methods, with squares of 32 px masked.

SimMIM's own ViT has relative positions in place of absolute ones, and layer scale.
"""

model = dict(
    type='SimMIM',
    backbone=dict(
        type='ViT',
        arch='base',
        img_size=224,
        patch_size=16,
        position='sincos',
        drop_path_rate=0.1,
        out_type='raw',
        with_mask_token=True,
    ),
    neck=dict(type='SimMIMDecoder'),
    head=dict(type='PixelHead', norm_pix=False, criterion='l1'),
    masking=dict(type='RandomMasking', ratio=0.6, unit=2),
)
