"""Masked image modelling for OpenMMLab: pre-train once, look inside, transfer."""

from mim_secrets import compat
from mim_secrets.version import __version__

compat.apply()

__all__ = ['__version__']
