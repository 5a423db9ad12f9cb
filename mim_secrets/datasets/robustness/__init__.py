from .corrupted import CORRUPTIONS, SEVERITIES, ImageNetC
from .variants import ImageNetVariant
from .wnids import WNIDS

__all__ = ['CORRUPTIONS', 'SEVERITIES', 'WNIDS', 'ImageNetC', 'ImageNetVariant']
