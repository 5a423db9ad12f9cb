from .reconstruction import fixed_mask, reconstruction_grid

__all__ = ['fixed_mask', 'reconstruction_grid']
