from .backbones.vit import ViT
from .heads.pixel_head import PixelHead
from .necks.fusion import MultiLevelFusion, default_levels
from .necks.mae_decoder import MAEDecoder
from .selfsup.masked_image_model import MAE, MFF, MaskedImageModel, Reconstruction
from .selfsup.masking import Mask, RandomMasking

__all__ = [
    'MAE',
    'MFF',
    'MAEDecoder',
    'Mask',
    'MaskedImageModel',
    'MultiLevelFusion',
    'PixelHead',
    'RandomMasking',
    'Reconstruction',
    'ViT',
    'default_levels',
]
