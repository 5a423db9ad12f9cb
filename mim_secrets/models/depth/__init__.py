"""Depth estimation, which needs mmseg: import it where it is used, as configs do in
``custom_imports``."""

from .deconv_head import DeconvDepthHead
from .estimator import DepthEstimator
from .silog_loss import BatchSiLogLoss

__all__ = ['BatchSiLogLoss', 'DeconvDepthHead', 'DepthEstimator']
