"""The crops of pre-training, drawn before decoding and made in uint8.

They draw what their reference counterparts draw, in the same order, so that the same
seed gives the same crops. Normalisation is left to the data preprocessor, on the
device.
"""

import math
from abc import abstractmethod

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mim_secrets.registry import TRANSFORMS

from ..decoding import Picture, resize
from .pretraining import SimpleResizedCrop

_ATTEMPTS = 10
_ASPECT = 4 / 3  # of the widest crop, and of the tallest one lying on its side
_LEAST_LOG, _MOST_LOG = math.log(3 / 4), math.log(4 / 3)


class FastCrop(BaseTransform):
    """Crop, resize once and flip a picture that is not decoded yet.

    Needs ``open_picture`` in the sample, which ``PretrainImages`` puts there. Gives
    ``img`` (H, W, 3), uint8, in BGR, as a view of three contiguous planes, so that
    ``PackInputs`` has nothing left to copy.
    """

    flip_prob: float

    @abstractmethod
    def draw(self, picture: Picture) -> tuple:
        """Where to crop, by chance; ``cut`` gets the numbers."""

    @abstractmethod
    def cut(self, picture: Picture, flip: bool, *place: int) -> np.ndarray:
        """The crop at a place, in its final size."""

    def transform(self, results: dict) -> dict:
        if 'open_picture' not in results:
            raise ValueError(
                f'{type(self).__name__}: the sample {results.get("img_path", "")} brings no '
                "picture to crop; set the data set's type to mim_secrets.PretrainImages."
            )
        picture = results['open_picture']()
        place = self.draw(picture)
        flip = np.random.random_sample() < self.flip_prob
        image = self.cut(picture, flip, *place)
        results['img'] = _in_planes(image)
        results['img_shape'] = image.shape[:2]
        results['ori_shape'] = picture.shape
        results['flip'] = flip
        return results


def _in_planes(image: np.ndarray) -> np.ndarray:
    """The same image (H, W, 3), stored plane by plane."""
    planes = np.empty((3, *image.shape[:2]), np.uint8)
    cv2.split(image, list(planes))
    return planes.transpose(1, 2, 0)


@TRANSFORMS.register_module()
class FastRandomResizedCrop(FastCrop):
    """MAE's crops: ``mmpretrain.RandomResizedCrop`` by Pillow, and ``RandomFlip``.

    Drawn here once more, because drawing takes a tenth of the time that a cached image
    needs, and half of it goes into what ``mmcv`` does to draws that may be repeated.

    Args:
        scale: Side of the result in pixels.
        crop_ratio_range: Least and largest share of the image's area.
        flip_prob: How often the crop is mirrored.
        interpolation: 'bicubic' or 'bilinear'.
    """

    def __init__(
        self,
        scale: int,
        crop_ratio_range: tuple[float, float] = (0.2, 1.0),
        flip_prob: float = 0.5,
        interpolation: str = 'bicubic',
    ) -> None:
        self.scale = scale
        self.crop_ratio_range = tuple(crop_ratio_range)
        self.flip_prob = flip_prob
        self.interpolation = interpolation

    def draw(self, picture: Picture) -> tuple:
        height, width = picture.shape
        least, most = self.crop_ratio_range
        for _ in range(_ATTEMPTS):
            area = (least + (most - least) * np.random.random_sample()) * height * width
            aspect = math.exp(_LEAST_LOG + (_MOST_LOG - _LEAST_LOG) * np.random.random_sample())
            across, down = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if 0 < across <= width and 0 < down <= height:
                top = np.random.randint(height - down + 1)
                return top, np.random.randint(width - across + 1), down, across
        # in the middle, as much of the image as a crop may have
        down, across = min(height, round(width * _ASPECT)), min(width, round(height * _ASPECT))
        return (height - down) // 2, (width - across) // 2, down, across

    def cut(self, picture: Picture, flip: bool, *place: int) -> np.ndarray:
        image = picture.region(place, least=(self.scale, self.scale))
        if flip:  # before resizing, which needs a copy of the region anyway
            image = cv2.flip(image, 1)
        return resize(image, self.scale, self.scale, self.interpolation)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(scale={self.scale}, '
            f'crop_ratio_range={self.crop_ratio_range}, flip_prob={self.flip_prob}, '
            f'interpolation={self.interpolation!r})'
        )


@TRANSFORMS.register_module()
class FastSimpleResizedCrop(FastCrop, SimpleResizedCrop):
    """PixMIM's and MFF's crops: ``SimpleResizedCrop`` and ``RandomFlip``.

    Args:
        scale: Side of the result in pixels.
        padding: Width of the reflected margin.
        flip_prob: How often the crop is mirrored.
        interpolation: 'bicubic' or 'bilinear'.
    """

    def __init__(
        self,
        scale: int,
        padding: int = 4,
        flip_prob: float = 0.5,
        interpolation: str = 'bicubic',
    ) -> None:
        SimpleResizedCrop.__init__(self, scale, padding, interpolation)
        self.flip_prob = flip_prob

    def draw(self, picture: Picture) -> tuple:
        offsets = (side + 2 * self.padding - self.scale for side in self._resized_shape(picture))
        return tuple(np.random.randint(most + 1) - self.padding for most in offsets)

    def _resized_shape(self, picture: Picture) -> tuple[int, int]:
        height, width = picture.shape
        short = min(height, width)
        return height * self.scale // short, width * self.scale // short

    def cut(self, picture: Picture, flip: bool, *place: int) -> np.ndarray:
        top, left = place
        height, width = shape = self._resized_shape(picture)
        image = picture.region((0, 0, *picture.shape), least=shape)
        image = resize(image, height, width, self.interpolation)
        # What lies inside is cut out first; the margin beyond reflects only pixels near it.
        bottom, right = top + self.scale, left + self.scale
        image = image[max(top, 0) : bottom, max(left, 0) : right]
        margins = (max(0, beyond) for beyond in (-top, bottom - height, -left, right - width))
        image = cv2.copyMakeBorder(image, *margins, cv2.BORDER_REFLECT_101)
        return cv2.flip(image, 1) if flip else image

    def __repr__(self) -> str:
        return f'{SimpleResizedCrop.__repr__(self)[:-1]}, flip_prob={self.flip_prob})'
