"""CIFAR-10 and CIFAR-100 in the channel order of image files."""

import numpy as np
from mmpretrain.datasets import CIFAR10 as MMPretrainCIFAR10
from mmpretrain.datasets import CIFAR100 as MMPretrainCIFAR100

from mim_secrets.registry import DATASETS

from .counting import Counted


class _BGR(Counted):
    """mmpretrain hands on what the archives hold, RGB, which makes a preprocessor with
    ``to_rgb=True`` swap red and blue, and downloads unless it is told not to."""

    def __init__(self, *args: object, download: bool = False, **kwargs: object) -> None:
        super().__init__(*args, download=download, **kwargs)

    def load_data_list(self) -> list[dict]:
        if not (self.download or self._check_integrity()):
            raise ValueError(
                f'{type(self).__name__}: {self.data_root}/{self.base_folder} lacks a file, or '
                f'has one that was never published; unpack {self.filename} in '
                f'{self.data_root}, or set download=True in the data set.'
            )
        samples = super().load_data_list()
        for sample in samples:
            sample['img'] = np.ascontiguousarray(sample['img'][..., ::-1])
        return samples


@DATASETS.register_module()
class CIFAR10(_BGR, MMPretrainCIFAR10):
    """``data_root/cifar-10-batches-py``; samples hold ``img`` and no path."""


@DATASETS.register_module()
class CIFAR100(_BGR, MMPretrainCIFAR100):
    """``data_root/cifar-100-python``; samples hold ``img`` and no path."""
