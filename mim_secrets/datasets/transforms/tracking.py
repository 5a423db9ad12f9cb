"""What is done to a template and a search frame together, in uint8."""

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement

from mim_secrets.registry import TRANSFORMS

from ..tracking.cropping import cut, to_window, window_around
from ..tracking.sequence import read_frame

_KEYS = ('template', 'search')
_LEVELS = np.arange(256)


@TRANSFORMS.register_module()
class LoadPair(BaseTransform):
    """``template`` and ``search`` (H, W, 3), uint8, BGR, with ``template_box`` and
    ``search_box`` (4,) in pixels: the pair that ``TrackingPairs`` draws."""

    def transform(self, results: dict) -> dict:
        results.update(results.pop('draw')())
        results['template'] = read_frame(results['template_path'])
        same = results['search_path'] == results['template_path']
        results['search'] = results['template'] if same else read_frame(results['search_path'])
        return results


@TRANSFORMS.register_module()
class CropPair(BaseTransform):
    """Square windows around the box, a tight one as template and a wide one to search in.

    A side is a factor times the root of the box's area. The search window is moved and
    scaled at random, as if the tracker were wrong about where the thing was: each side of the
    box it is made from is multiplied by exp(N(0, ``scale_jitter``)), and its middle lies
    anywhere up to half of ``centre_jitter`` times the root of that box's area away in each
    direction. The boxes become shares of their windows. ``search_box`` may reach beyond the
    window, but its middle lies within.

    Args:
        template_size: Pixels of the template's side.
        search_size: Pixels of the search window's side.
        template_factor: Side of the template window over the root of the box's area.
        search_factor: As for the template.
        centre_jitter: Of the search window.
        scale_jitter: Of the search window.
    """

    def __init__(
        self,
        template_size: int = 128,
        search_size: int = 256,
        template_factor: float = 2.0,
        search_factor: float = 4.0,
        centre_jitter: float = 3.0,
        scale_jitter: float = 0.25,
    ) -> None:
        if not 0 <= centre_jitter < search_factor:
            raise ValueError(
                f'CropPair: centre_jitter is {centre_jitter}, but must be below search_factor '
                f'({search_factor}), or the thing may lie outside the search window.'
            )
        self.template_size, self.search_size = template_size, search_size
        self.template_factor, self.search_factor = template_factor, search_factor
        self.centre_jitter, self.scale_jitter = centre_jitter, scale_jitter

    def transform(self, results: dict) -> dict:
        template = window_around(results['template_box'], self.template_factor)
        search = self._search_window(results['search_box'])
        sizes = (self.template_size, self.search_size)
        for key, window, size in zip(_KEYS, (template, search), sizes):
            results[key] = cut(results[key], window, size)
            results[f'{key}_box'] = to_window(results[f'{key}_box'], window)
        return results

    def _search_window(self, box: np.ndarray):
        sides = box[2:] * np.exp(np.random.standard_normal(2) * self.scale_jitter)
        middle = box[:2] + 0.5 * box[2:]
        reach = self.centre_jitter * np.sqrt(sides.prod())
        shift = (np.random.random_sample(2) - 0.5) * reach
        believed = np.concatenate([middle - 0.5 * sides, sides])
        return window_around(believed, self.search_factor, tuple(shift))

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(template_size={self.template_size}, '
            f'search_size={self.search_size}, template_factor={self.template_factor}, '
            f'search_factor={self.search_factor}, centre_jitter={self.centre_jitter}, '
            f'scale_jitter={self.scale_jitter})'
        )


@TRANSFORMS.register_module()
class FlipPair(BaseTransform):
    """Both windows mirrored; stands behind ``CropPair``.

    Args:
        prob: How often.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        if np.random.random_sample() < self.prob:
            for key in _KEYS:
                results[key] = cv2.flip(results[key], 1)
                x, y, width, height = results[f'{key}_box']
                results[f'{key}_box'] = np.array([1.0 - x - width, y, width, height])
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class GreyPair(BaseTransform):
    """Both pictures without colour.

    Args:
        prob: How often.
    """

    def __init__(self, prob: float = 0.05) -> None:
        self.prob = prob

    def transform(self, results: dict) -> dict:
        if np.random.random_sample() < self.prob:
            for key in _KEYS:
                grey = cv2.cvtColor(results[key], cv2.COLOR_BGR2GRAY)
                results[key] = cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(prob={self.prob})'


@TRANSFORMS.register_module()
class BrightenPair(BaseTransform):
    """Each picture times a factor of its own.

    Args:
        amount: Largest distance of the factor from 1.
    """

    def __init__(self, amount: float = 0.2) -> None:
        self.amount = amount

    def transform(self, results: dict) -> dict:
        for key in _KEYS:
            factor = 1.0 + self.amount * (2.0 * np.random.random_sample() - 1.0)
            table = np.clip(np.rint(_LEVELS * factor), 0, 255).astype(np.uint8)
            results[key] = cv2.LUT(results[key], table)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(amount={self.amount})'


@TRANSFORMS.register_module()
class PackPair(BaseTransform):
    """``inputs``: ``template`` (3, h, w) and ``search`` (3, H, W), uint8, BGR; ``data_samples``:
    ``gt_box`` (4,) in the search window and ``template_box`` (4,) in the template, both
    x, y, width, height in shares of the window, float32."""

    def transform(self, results: dict) -> dict:
        planes = {key: np.ascontiguousarray(results[key].transpose(2, 0, 1)) for key in _KEYS}
        meta = {key: results[key] for key in ('sequence', 'benchmark', 'sample_idx')}
        boxes = {key: results[f'{key}_box'].astype(np.float32) for key in _KEYS}
        data_sample = BaseDataElement(
            metainfo=meta,
            gt_box=torch.from_numpy(boxes['search']),
            template_box=torch.from_numpy(boxes['template']),
        )
        inputs = {key: torch.from_numpy(plane) for key, plane in planes.items()}
        return dict(inputs=inputs, data_samples=data_sample)
