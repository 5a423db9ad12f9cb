from .backbones.replknet import RepLKNet
from .backbones.swin import Swin
from .backbones.swin_v2 import SwinV2
from .backbones.vit import ViT
from .heads.pixel_head import PixelHead
from .heads.targets import LocalNormTarget, LowPassTarget
from .necks.channel_norm import LN2d
from .necks.cross_decoder import CrossDecoder
from .necks.feature_pyramid import SimpleFeaturePyramid
from .necks.fusion import MultiLevelFusion, default_levels
from .necks.mae_decoder import MAEDecoder
from .necks.simmim_decoder import SimMIMDecoder
from .preprocessor import ResizingPreprocessor
from .selfsup.masked_image_model import (
    MAE,
    MFF,
    MaskedImageModel,
    PixMIM,
    Reconstruction,
    SimMIM,
)
from .selfsup.masking import Mask, RandomMasking

__all__ = [
    'MAE',
    'MFF',
    'CrossDecoder',
    'LN2d',
    'LocalNormTarget',
    'LowPassTarget',
    'MAEDecoder',
    'Mask',
    'MaskedImageModel',
    'MultiLevelFusion',
    'PixMIM',
    'PixelHead',
    'RandomMasking',
    'Reconstruction',
    'RepLKNet',
    'ResizingPreprocessor',
    'SimMIM',
    'SimMIMDecoder',
    'SimpleFeaturePyramid',
    'Swin',
    'SwinV2',
    'ViT',
    'default_levels',
]
