"""Changes of colour that leave the geometry alone, on pictures (H, W, 3) of uint8 in BGR."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mim_secrets.registry import TRANSFORMS

_LEVELS = np.arange(256)
_HUES = 180  # OpenCV's hues have steps of two degrees


def _between(low: float, high: float) -> float:
    return low + (high - low) * np.random.random_sample()


def _table(levels: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


@TRANSFORMS.register_module()
class RandomBrightnessContrast(BaseTransform):
    """Every level times a factor, and shifted.

    Args:
        brightness: Largest shift to either side, over the range of levels.
        contrast: Largest distance of the factor from 1.
        prob: How often.
    """

    def __init__(self, brightness: float = 0.2, contrast: float = 0.2, prob: float = 0.5) -> None:
        self.brightness = brightness
        self.contrast = contrast
        self.prob = prob

    def transform(self, results: dict) -> dict:
        if np.random.random_sample() < self.prob:
            factor = 1.0 + _between(-self.contrast, self.contrast)
            shift = _between(-self.brightness, self.brightness)
            results['img'] = cv2.LUT(results['img'], _table(_LEVELS * factor + shift * 255))
        return results

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(brightness={self.brightness}, contrast={self.contrast}, '
            f'prob={self.prob})'
        )


@TRANSFORMS.register_module()
class RandomGamma(BaseTransform):
    """Levels, from 0 to 1, to a power.

    Args:
        gamma: Least and largest exponent.
        prob: How often.
    """

    def __init__(self, gamma: tuple[float, float] = (0.8, 1.2), prob: float = 0.5) -> None:
        self.gamma = tuple(gamma)
        self.prob = prob

    def transform(self, results: dict) -> dict:
        if np.random.random_sample() < self.prob:
            levels = (_LEVELS / 255) ** _between(*self.gamma) * 255
            results['img'] = cv2.LUT(results['img'], _table(levels))
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(gamma={self.gamma}, prob={self.prob})'


@TRANSFORMS.register_module()
class RandomHueSaturationValue(BaseTransform):
    """Hue turned, saturation and value shifted, each by a chance of its own.

    Args:
        hue: Largest turn to either side, in steps of two degrees.
        saturation: Largest shift to either side, in levels of 255.
        value: As for saturation.
        prob: How often.
    """

    def __init__(
        self, hue: float = 20.0, saturation: float = 30.0, value: float = 20.0, prob: float = 0.5
    ) -> None:
        self.hue = hue
        self.saturation = saturation
        self.value = value
        self.prob = prob

    def transform(self, results: dict) -> dict:
        if np.random.random_sample() < self.prob:
            turn, *shifts = (_between(-most, most) for most in self._ranges())
            planes = cv2.split(cv2.cvtColor(results['img'], cv2.COLOR_BGR2HSV))
            tables = (
                (np.rint(_LEVELS + turn) % _HUES).astype(np.uint8),
                *(_table(_LEVELS + shift) for shift in shifts),
            )
            changed = [cv2.LUT(plane, table) for plane, table in zip(planes, tables)]
            results['img'] = cv2.cvtColor(cv2.merge(changed), cv2.COLOR_HSV2BGR)
        return results

    def _ranges(self) -> tuple[float, float, float]:
        return self.hue, self.saturation, self.value

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(hue={self.hue}, saturation={self.saturation}, '
            f'value={self.value}, prob={self.prob})'
        )
