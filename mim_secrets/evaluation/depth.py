"""Nine metrics of metric depth, over images and over pixels."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from mim_secrets.evaluation.depth_crops import CROPS, crop_box
from mim_secrets.evaluation.depth_errors import NAMES, over_images, over_pixels, pixel_means
from mim_secrets.registry import METRICS


@dataclass(frozen=True)
class Picture:
    """What is kept of a picture: scalars only."""

    means: torch.Tensor | None  # none where no pixel is compared
    pixels: int  # that are compared
    nan: int  # these three of the whole picture
    infinite: int
    not_positive: int


@METRICS.register_module()
class DepthMetric(BaseMetric):
    """d1 to d3, abs_rel, sq_rel, rmse, rmse_log, log10 and silog of depth in metres.

    ``depth/rmse`` and the like are means over images, each of which has a value of its
    own: what the literature on NYUv2 and KITTI prints. ``depth/pixel_rmse`` and the
    like take the pixels of all images together.

    A prediction need not be a depth. What is not a number or not above 0 counts as
    ``min_depth``, infinity as ``max_depth``; how many pixels of whole pictures were so
    is reported as ``depth/nan``, ``depth/not_positive`` and ``depth/infinite``, and
    under a warning. Predictions are not clamped otherwise. ``silog`` forgives half of
    the squared mean, and is not times 100.

    Args:
        min_depth: Only true depths above it are compared, in metres.
        max_depth: Only true depths below it.
        crop: ``nyu``, ``eigen`` or ``garg``; the whole picture if left out. Papers use
            ``nyu`` for NYUv2 and ``garg`` for KITTI. They are shares of the picture
            that comes, so that one of another size has the same part cut.
    """

    default_prefix = 'depth'

    def __init__(
        self,
        max_depth: float,
        min_depth: float = 1e-3,
        crop: str | None = None,
        collect_device: str = 'cpu',
        prefix: str | None = None,
    ) -> None:
        super().__init__(collect_device, prefix)
        if crop is not None and crop not in CROPS:
            raise ValueError(
                f'DepthMetric: crop is {crop!r}; choose from {", ".join(map(repr, CROPS))}, or '
                'leave it out to compare whole pictures.'
            )
        if not 0 < min_depth < max_depth < math.inf:
            raise ValueError(
                f'DepthMetric: depths from {min_depth} to {max_depth} m would be compared; '
                'give 0 < min_depth < max_depth, such as 1e-3 and 80.'
            )
        self.min_depth, self.max_depth, self.crop = min_depth, max_depth, crop

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        for sample in data_samples:
            predicted = sample['pred_depth_map']['data'].squeeze(0).cpu().double()
            true = sample['gt_depth_map']['data'].squeeze(0).cpu().double()
            if predicted.shape != true.shape:
                raise ValueError(
                    f'{sample.get("img_path", "A picture")}: {_size(predicted)} pixels are '
                    f'predicted, but its true depth has {_size(true)}; load depth of the '
                    "picture's size, and crop both in the test pipeline, or neither."
                )
            self.results.append(self.compare(predicted, true))

    def compare(self, predicted: torch.Tensor, true: torch.Tensor) -> Picture:
        """Both (H, W) in metres."""
        nan, infinite = predicted.isnan(), predicted == math.inf
        not_positive = predicted <= 0
        amounts = [int(wrong.sum()) for wrong in (nan, infinite, not_positive)]
        box = crop_box(self.crop, *true.shape)
        valid = (true[box] > self.min_depth) & (true[box] < self.max_depth)
        count = int(valid.sum())
        if not count:
            return Picture(None, 0, *amounts)
        usable = predicted.masked_fill(nan | not_positive, self.min_depth)
        usable = usable.masked_fill(infinite, self.max_depth)
        return Picture(pixel_means(usable[box][valid], true[box][valid]), count, *amounts)

    def compute_metrics(self, results: list[Picture]) -> dict[str, float]:
        compared = [picture for picture in results if picture.pixels]
        if not compared:
            raise ValueError(
                f'DepthMetric: none of {len(results)} pictures has a true depth between '
                f'{self.min_depth} and {self.max_depth} m in the crop {self.crop!r}; check '
                'the unit of the depth files and `depth_scale` or the list of the data set.'
            )
        means, counts = [p.means for p in compared], [p.pixels for p in compared]
        metrics = dict(zip(NAMES, over_images(means).tolist(), strict=True))
        together = over_pixels(means, counts).tolist()
        metrics |= {f'pixel_{name}': value for name, value in zip(NAMES, together, strict=True)}
        wrong = {
            name: sum(getattr(picture, name) for picture in results)
            for name in ('nan', 'infinite', 'not_positive')
        }
        left_out = len(results) - len(compared)
        self._warn(wrong, left_out, len(results))
        # floats, since mmengine writes null for a count into its JSON file
        amounts = {name: float(amount) for name, amount in wrong.items()}
        return {**metrics, **amounts, 'left_out': float(left_out)}

    def _warn(self, wrong: dict[str, int], left_out: int, pictures: int) -> None:
        if any(wrong.values()):
            amounts = ', '.join(f'{count} {name}' for name, count in wrong.items() if count)
            print_log(
                f'DepthMetric: predictions have pixels without a depth ({amounts}); where '
                f'they are compared, they count as {self.min_depth} m, or as '
                f'{self.max_depth} m where they are infinite.',
                logger='current',
                level=logging.WARNING,
            )
        if left_out:
            print_log(
                f'DepthMetric: {left_out} of {pictures} pictures have no true depth to '
                'compare and are left out of every mean.',
                logger='current',
                level=logging.WARNING,
            )


def _size(depth: torch.Tensor) -> str:
    return ' x '.join(map(str, depth.shape))
