"""Augmentation of masked pre-training beyond what mmcv and mmpretrain have."""

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from mim_secrets.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SimpleResizedCrop(BaseTransform):
    """Short side to ``scale``, a reflected margin, a random square of side ``scale``.

    What PixMIM and MFF use in place of MAE's random resized crop: objects stay
    whole and nearly keep their size. With equal offsets the result is that of
    torchvision's ``Resize``, ``Pad`` and ``Crop`` on a PIL image, to the pixel, but
    the image stays an array in the channel order in which it was decoded.

    Args:
        scale: Side of the result in pixels.
        padding: Width of the margin.
        interpolation: As in ``mmcv.imresize`` with the Pillow backend, which
            smooths before it shrinks.
    """

    def __init__(
        self,
        scale: int,
        padding: int = 4,
        interpolation: str = 'bicubic',
    ) -> None:
        if not 0 <= padding < scale:
            raise ValueError(
                f'SimpleResizedCrop: padding is {padding} for a scale of {scale}, but '
                'a margin can only reflect what is there; choose it from 0 to '
                f'{scale - 1}.'
            )
        self.scale = scale
        self.padding = padding
        self.interpolation = interpolation

    def transform(self, results: dict) -> dict:
        image = results['img']
        if image.ndim != 3:
            raise ValueError(
                f'SimpleResizedCrop: the image {results.get("img_path", "")} has shape '
                f'{image.shape} and no colour channels; load it in colour, which is '
                'what LoadImageFromFile does unless it is given another color_type.'
            )
        image = self._resized(image)
        if self.padding:
            image = mmcv.impad(image, padding=self.padding, padding_mode='reflect')
        height, width = image.shape[:2]
        top = np.random.randint(height - self.scale + 1)
        left = np.random.randint(width - self.scale + 1)
        image = image[top : top + self.scale, left : left + self.scale]
        results['img'] = np.ascontiguousarray(image)
        results['img_shape'] = image.shape[:2]
        return results

    def _resized(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        short = min(height, width)
        if short == self.scale:
            return image
        # rounded down, as torchvision does
        size = (width * self.scale // short, height * self.scale // short)
        filter_ = dict(interpolation=self.interpolation, backend='pillow')
        return mmcv.imresize(image, size, **filter_)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.scale}, padding={self.padding}, '
            f'interpolation={self.interpolation!r})'
        )
