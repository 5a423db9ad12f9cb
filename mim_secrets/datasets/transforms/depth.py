"""What is done to a picture and its depth map together."""

import numpy as np
from mmcv.transforms import BaseTransform

from mim_secrets.registry import TRANSFORMS


@TRANSFORMS.register_module()
class KBCrop(BaseTransform):
    """The lower middle of a picture and its depth, which all of KITTI's pictures have.

    What remains counts as the original: predictions are scored in this size.

    Args:
        size: Height and width.
    """

    def __init__(self, size: tuple[int, int] = (352, 1216)) -> None:
        self.size = tuple(size)

    def transform(self, results: dict) -> dict:
        height, width = results['img'].shape[:2]
        if height < self.size[0] or width < self.size[1]:
            raise ValueError(
                f'KBCrop: {results.get("img_path", "the image")} has {width}x{height} pixels, too '
                f'few for a crop of {self.size[1]}x{self.size[0]}; choose a smaller size.'
            )
        place = lower_middle((height, width), self.size)
        for key in ('img', *results.get('seg_fields', ())):
            results[key] = np.ascontiguousarray(results[key][place])
        results['img_shape'] = results['ori_shape'] = self.size
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size})'


def lower_middle(whole: tuple[int, int], part: tuple[int, int]) -> tuple[slice, slice]:
    """Rows and columns of ``part`` in ``whole``, both as height and width."""
    left = (whole[1] - part[1]) // 2
    return slice(whole[0] - part[0], whole[0]), slice(left, left + part[1])


@TRANSFORMS.register_module()
class CutDepth(BaseTransform):
    """Vertical CutDepth: a strip of the picture, from top to bottom, shows its own depth.

    The strip begins anywhere and takes at most ``ratio`` of what lies right of there. All
    channels get the same value: 255 stands for ``max_depth`` and beyond, 0 for nothing
    measured.

    Args:
        max_depth: In metres.
        prob: How often.
        ratio: Of the rest of the width.
        reference_compat: Paste the files' own steps (millimetres for NYUv2, 1/256 metre for
            KITTI) into 8 bits, where they wrap around, as the released models were trained.
    """

    def __init__(
        self,
        max_depth: float,
        prob: float = 0.25,
        ratio: float = 0.75,
        reference_compat: bool = False,
    ) -> None:
        self.max_depth = max_depth
        self.prob = prob
        self.ratio = ratio
        self.reference_compat = reference_compat

    def transform(self, results: dict) -> dict:
        if np.random.random_sample() >= self.prob:
            return results
        width = results['img'].shape[1]
        start = np.random.random_sample() * width
        most = self.ratio * (width - start)
        wide = max(1, int(np.random.random_sample() * most))
        strip = slice(int(start), int(start) + wide)
        image = results['img'].copy()
        image[:, strip] = self._shown(results, strip)[..., None]
        results['img'] = image
        return results

    def _shown(self, results: dict, strip: slice) -> np.ndarray:
        """The strip of the depth map as 8 bits."""
        depth = results['gt_depth_map'][:, strip]
        if self.reference_compat:
            steps = np.rint(depth / results['depth_rescale_factor'])
            return steps.astype(np.int64).astype(np.uint8)
        return np.rint(np.minimum(depth / self.max_depth, 1.0) * 255).astype(np.uint8)

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}(max_depth={self.max_depth}, prob={self.prob}, '
            f'ratio={self.ratio}, reference_compat={self.reference_compat})'
        )
