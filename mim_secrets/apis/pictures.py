"""Pictures of what a model predicts while it is tested."""

from pathlib import Path

import mmcv
import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.structures import BaseDataElement
from PIL import Image

from mim_secrets.apis.labels import draw, of_sample

GUTTER = 6
PAPER = (255, 255, 255)


class PicturesHook(Hook):
    """Write ``folder/<folder of the image>/<its name>.png`` for every prediction.

    On the left are the labels where the data set has them, on the right what is
    predicted. A top-down pose estimator looks at one person at a time, and each has a
    picture.

    The libraries have hooks for this too. Each needs other options and visualizers, and
    some draw every fiftieth image, or put two of the same name into one file.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def after_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict, outputs: list
    ) -> None:
        meta = runner.test_dataloader.dataset.metainfo
        for sample in outputs:
            pixels = mmcv.imread(sample.img_path)
            known = [of_sample(sample, meta, predicted) for predicted in (False, True)]
            path = self.file_of(sample)
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet([draw(pixels, labels) for labels in known], columns=2).save(path)

    def file_of(self, sample: BaseDataElement) -> Path:
        image = Path(sample.img_path)
        person = f'_{sample.id}' if 'id' in sample else ''  # mmpose numbers people
        return self.folder / image.parent.name / f'{image.stem}{person}.png'


def sheet(pictures: list[np.ndarray], columns: int) -> Image.Image:
    """uint8 RGB pictures of any sizes, row by row on white."""
    rows = [pictures[start : start + columns] for start in range(0, len(pictures), columns)]
    heights = [max(picture.shape[0] for picture in row) for row in rows]
    widths = [max(p.shape[1] for p in pictures[c::columns]) for c in range(len(rows[0]))]
    size = (sum(widths) + GUTTER * (len(widths) + 1), sum(heights) + GUTTER * (len(rows) + 1))
    page = Image.new('RGB', size, PAPER)
    top = GUTTER
    for row, height in zip(rows, heights, strict=True):
        left = GUTTER
        for picture, width in zip(row, widths, strict=False):
            page.paste(Image.fromarray(picture), (left, top))
            left += width + GUTTER
        top += height + GUTTER
    return page
