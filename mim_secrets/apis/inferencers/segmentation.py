"""What each pixel of an image belongs to."""

from pathlib import Path

import numpy as np
from mmengine.structures import BaseDataElement
from PIL import Image

from mim_secrets.apis.inferencers.base import Inferencer
from mim_secrets.apis.inferencers.canvas import Canvas, colour_of


class SegmentationInferencer(Inferencer):
    """Of models in configs of mmseg.

    A prediction has ``sem_seg``, class numbers as an array (H, W), and ``shares``, the part
    of the image that each class has. In ``preds`` the map is a PNG of class numbers, which
    the JSON file beside it names. ``opacity``: of the colours.
    """

    library, project = 'mmseg', 'MMSegmentation'
    predicts = 'pred_sem_seg'
    visualize_kwargs = {'opacity'}

    def describe(self, output: BaseDataElement) -> dict:
        labels = output.pred_sem_seg.data[0].numpy()
        labels = labels.astype(np.uint8 if labels.max() < 256 else np.uint16)
        numbers, counts = np.unique(labels, return_counts=True)
        order = counts.argsort()[::-1]
        shares = {self.class_name(int(numbers[i])): float(counts[i] / labels.size) for i in order}
        return dict(sem_seg=labels, shares=shares)

    def draw(self, canvas: Canvas, prediction: dict, opacity: float = 0.55) -> None:
        labels = prediction['sem_seg']
        numbers, counts = np.unique(labels, return_counts=True)
        numbers = numbers[counts.argsort()[::-1]].tolist()  # small ones are drawn last
        masks = labels == np.array(numbers)[:, None, None]
        colours = [colour_of(number) for number in numbers]
        names = [self.class_name(number) for number in numbers]
        canvas.regions(masks, colours, opacity)
        canvas.names(masks, names, colours)
        canvas.table([*zip(colours, (prediction['shares'][name] for name in names), names)])

    def to_files(self, prediction: dict, path: Path) -> dict:
        Image.fromarray(prediction['sem_seg']).save(path.with_suffix('.png'))
        return prediction | dict(sem_seg=path.with_suffix('.png').name)
