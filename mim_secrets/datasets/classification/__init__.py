from .birdsnap import Birdsnap
from .caltech101 import Caltech101
from .cifar import CIFAR10, CIFAR100
from .cog import CoGLevel
from .counted import (
    DTD,
    SUN397,
    VOC,
    FGVCAircraft,
    Flowers102,
    Food101,
    OxfordIIITPet,
    StanfordCars,
)
from .inaturalist import INaturalist2018

__all__ = [
    'CIFAR10', 'CIFAR100', 'DTD', 'SUN397', 'VOC', 'Birdsnap', 'Caltech101', 'CoGLevel',
    'FGVCAircraft', 'Flowers102', 'Food101', 'INaturalist2018', 'OxfordIIITPet',
    'StanfordCars',
]  # fmt: skip
