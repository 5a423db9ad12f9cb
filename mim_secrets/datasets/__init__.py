from .transforms import SeedSample, SimpleResizedCrop

__all__ = ['SeedSample', 'SimpleResizedCrop']
