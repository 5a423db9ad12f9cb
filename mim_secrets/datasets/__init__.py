from .classification import (
    CIFAR10,
    CIFAR100,
    DTD,
    SUN397,
    VOC,
    Birdsnap,
    Caltech101,
    CoGLevel,
    FGVCAircraft,
    Flowers102,
    Food101,
    INaturalist2018,
    OxfordIIITPet,
    StanfordCars,
)
from .images import PretrainImages
from .robustness import ImageNetC, ImageNetVariant
from .transforms import (
    FastRandomResizedCrop,
    FastSimpleResizedCrop,
    SeedSample,
    SimpleResizedCrop,
)

__all__ = [
    'Birdsnap', 'CIFAR10', 'CIFAR100', 'Caltech101', 'CoGLevel', 'DTD', 'FGVCAircraft',
    'FastRandomResizedCrop', 'FastSimpleResizedCrop', 'Flowers102', 'Food101',
    'INaturalist2018', 'ImageNetC', 'ImageNetVariant', 'OxfordIIITPet', 'PretrainImages',
    'SUN397', 'SeedSample', 'SimpleResizedCrop', 'StanfordCars', 'VOC',
]  # fmt: skip
