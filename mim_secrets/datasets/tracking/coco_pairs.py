"""COCO as sequences of one frame: each thing in an image, to be found again in the same image."""

import json
from pathlib import Path

import numpy as np

from mim_secrets.registry import DATASETS

from .index import Columns
from .reading import SequenceReader
from .sequence import Sequence, make_sequence

_LEAST_SIDE = 4.0  # pixels


@DATASETS.register_module()
class COCOPairs(SequenceReader):
    """``annotations/instances_{train,val}2017.json`` and ``{train,val}2017/*.jpg``.

    Crowds and boxes of a side below 4 pixels are left out. Boxes count pixels from 0, as
    continuous coordinates. A name is the number of an annotation.
    """

    benchmark = 'COCO'
    splits = ('train', 'val')

    @property
    def _file(self) -> Path:
        return self.root / 'annotations' / f'instances_{self.split}2017.json'

    def state(self) -> str:
        if not self._file.is_file():
            raise FileNotFoundError(
                f'COCOPairs: {self._file} is not there; get annotations_trainval2017.zip of COCO.'
            )
        found = self._file.stat()
        return f'{found.st_size} {found.st_mtime_ns}'

    def make_index(self) -> Columns:
        content = json.loads(self._file.read_text())
        numbers = {image['id']: place for place, image in enumerate(content['images'])}
        labels = {one['id']: one['name'] for one in content['categories']}
        kept = [
            one
            for one in content['annotations']
            if not one.get('iscrowd') and min(one['bbox'][2:]) >= _LEAST_SIDE
        ]
        return dict(
            names=np.array([one['id'] for one in kept], dtype=np.int64),
            boxes=np.array([one['bbox'] for one in kept], dtype=np.float64).reshape(-1, 4),
            images=np.array([numbers[one['image_id']] for one in kept], dtype=np.int32),
            files=np.array([image['file_name'] for image in content['images']], dtype=str),
            labels=np.array([labels[one['category_id']] for one in kept], dtype=str),
        )

    def __getitem__(self, index: int) -> Sequence:
        columns = self._index
        frame = f'{self.root}/{self.split}2017/{columns["files"][columns["images"][index]]}'
        boxes = columns['boxes'][index : index + 1]
        attributes = (str(columns['labels'][index]),)
        return make_sequence('COCO', self.name_at(index), [frame], boxes, attributes=attributes)
