from .pretraining import SimpleResizedCrop
from .seeding import SeedSample

__all__ = ['SeedSample', 'SimpleResizedCrop']
