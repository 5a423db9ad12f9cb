"""A depth map from its file, checked on the way."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmengine import fileio

from mim_secrets.registry import TRANSFORMS


class BadDepthError(ValueError):
    """A depth map that cannot be used; of what a data loader adds, only the sentence is kept."""

    def __init__(self, message: str) -> None:
        super().__init__(message.rsplit(f'{type(self).__name__}: ', 1)[-1].strip())


@TRANSFORMS.register_module()
class LoadDepth(BaseTransform):
    """``gt_depth_map`` (H, W), float32, in metres, 0 where nothing was measured.

    Stands behind ``LoadImageFromFile`` and before whatever crops. Refuses, with the line of
    the list, what training would take without a word: a map of another size than its
    picture, one without a measurement, negative values, and values in another unit.

    Args:
        backend_args: As for mmengine's file backends.
    """

    def __init__(self, backend_args: dict | None = None) -> None:
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        if 'depth_scale' not in results:
            raise ValueError(
                f'LoadDepth: the sample {results.get("img_path", "")} does not say how its depth '
                'is scaled; use mim_secrets.KITTIDepth, NYUDepth or DepthPairs.'
            )
        try:
            steps = self._read(results['depth_map_path'])
            _check(steps, results)
        except BadDepthError as error:
            where = f'{results["listed_at"]}: {results["depth_map_path"]}'
            raise BadDepthError(f'{where} {error}.') from None
        results['gt_depth_map'] = steps.astype(np.float32) / np.float32(results['depth_scale'])
        results['seg_fields'].append('gt_depth_map')
        results['depth_rescale_factor'] = 1.0 / results['depth_scale']  # mmseg's word for it
        return results

    def _read(self, path: str) -> np.ndarray:
        """(H, W) as the file has it."""
        content = np.frombuffer(fileio.get(path, backend_args=self.backend_args), np.uint8)
        steps = cv2.imdecode(content, cv2.IMREAD_UNCHANGED) if content.size else None
        if steps is None:
            raise BadDepthError('cannot be decoded; copy it again')
        if steps.ndim != 2 or steps.dtype == np.uint8:
            channels = 1 if steps.ndim == 2 else steps.shape[2]
            raise BadDepthError(
                f'has {channels} channel{"s"[: channels > 1]} of {steps.dtype}: a picture of depth '
                'and no depth, which has one channel of 16 bits'
            )
        return steps

    def __repr__(self) -> str:
        return f'{type(self).__name__}(backend_args={self.backend_args})'


def _check(steps: np.ndarray, results: dict) -> None:
    if steps.shape != (expected := tuple(results['ori_shape'][:2])):
        raise BadDepthError(
            f'has {_size(steps.shape)} pixels and its picture {results["img_path"]} '
            f'{_size(expected)}; a pair has one size'
        )
    if steps.dtype.kind == 'f' and not np.isfinite(steps).all():
        raise BadDepthError('holds infinities or NaNs; write 0 where nothing was measured')
    least, most = float(steps.min()), float(steps.max()) / results['depth_scale']
    if least < 0:
        raise BadDepthError(
            f'goes down to {least / results["depth_scale"]:g} m; write 0 where nothing was measured'
        )
    if most == 0:
        raise BadDepthError('has no measurement; take its line out of the list')
    if most > results['farthest']:
        raise BadDepthError(
            f'reaches {most:g} m, more than the {results["farthest"]:g} m that can be; check its '
            f'unit, here {results["depth_scale"]:g} steps to a metre'
        )


def _size(shape: tuple[int, ...]) -> str:
    """Width and height, as pictures are spoken of."""
    return f'{shape[1]}x{shape[0]}'
