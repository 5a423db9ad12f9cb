"""How far away what each pixel shows is."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from mmengine.structures import BaseDataElement
from PIL import Image

from mim_secrets.apis.inferencers.base import Inferencer
from mim_secrets.apis.inferencers.canvas import Canvas
from mim_secrets.apis.inferencers.depth_scale import is_depth, span
from mim_secrets.apis.inferencers.inputs import Photograph
from mim_secrets.datasets.transforms.depth import lower_middle

# KITTI's unit. Millimetres in 16 bits would end at 65 m, and its pictures reach 80.
STEPS_PER_METRE = 256
MOST_STEPS = 65535


class DepthInferencer(Inferencer):
    """Of depth estimators in configs of mmseg.

    A prediction has ``depth``, metres as an array (H, W) of float32, and ``nearest`` and
    ``farthest`` of them. Where a pipeline crops as KITTI's does, the depth outside of the
    crop is not a number. In ``preds`` the map is a PNG of 16 bits, which the JSON file beside
    it names together with its ``steps_per_metre``; 0 stands for no depth, the greatest
    value for 256 m and all beyond. ``depth_range``: metres at both ends of the colours, in
    place of the picture's own.
    """

    library, project = 'mmseg', 'MMSegmentation'
    predicts = 'pred_depth_map'
    visualize_kwargs = {'depth_range'}

    def reads_truth(self, step: Callable) -> bool:
        """Ours, and mmseg's; neither is a subclass of what others load annotations with."""
        names = ('LoadDepth', 'LoadDepthAnnotation')
        return super().reads_truth(step) or type(step).__name__ in names

    def postprocess(
        self, photos: list[Photograph], outputs: list[BaseDataElement], **options: object
    ) -> list[dict]:
        predictions = super().postprocess(photos, outputs, **options)
        for prediction in predictions:
            size = prediction['height'], prediction['width']
            prediction['depth'] = on_photograph(prediction['depth'], size)
        return predictions

    def describe(self, output: BaseDataElement) -> dict:
        metres = output.pred_depth_map.data[0].numpy().astype(np.float32, copy=False)
        nearest, farthest = span(metres) or (None, None)
        return dict(depth=metres, nearest=nearest, farthest=farthest)

    def draw(
        self,
        canvas: Canvas,
        prediction: dict,
        depth_range: Sequence[float] | None = None,
    ) -> None:
        ends = depth_range or (prediction['nearest'], prediction['farthest'])
        if depth_range and (len(ends) != 2 or not 0 <= ends[0] < ends[1]):
            raise ValueError(
                f'depth_range is {depth_range}; give two numbers of metres, the nearer one first.'
            )
        if None not in ends:
            canvas.depth(prediction['depth'], *ends)
            canvas.scale(*ends)

    def to_files(self, prediction: dict, path: Path) -> dict:
        picture = path.with_suffix('.png')
        Image.fromarray(in_steps(prediction['depth'])).save(picture)
        return prediction | dict(depth=picture.name, steps_per_metre=STEPS_PER_METRE)


def in_steps(metres: np.ndarray) -> np.ndarray:
    """(H, W) metres as uint16, which ``DepthPairs`` with this ``depth_scale`` reads."""
    known = is_depth(metres) | np.isposinf(metres)
    steps = (np.where(known, metres, 0).astype(np.float64) * STEPS_PER_METRE).round()
    return np.where(known, steps.clip(1, MOST_STEPS), 0).astype(np.uint16)


def on_photograph(metres: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Depth in the pixels of the photograph that it is of, not a number around a crop."""
    if metres.shape == size:
        return metres
    placed = np.full(size, np.nan, np.float32)
    placed[lower_middle(size, metres.shape)] = metres
    return placed
