from .images import PretrainImages
from .transforms import (
    FastRandomResizedCrop,
    FastSimpleResizedCrop,
    SeedSample,
    SimpleResizedCrop,
)

__all__ = [
    'FastRandomResizedCrop', 'FastSimpleResizedCrop', 'PretrainImages', 'SeedSample',
    'SimpleResizedCrop',
]  # fmt: skip
