from .fast import FastRandomResizedCrop, FastSimpleResizedCrop
from .pretraining import SimpleResizedCrop
from .seeding import SeedSample

__all__ = ['FastRandomResizedCrop', 'FastSimpleResizedCrop', 'SeedSample', 'SimpleResizedCrop']
