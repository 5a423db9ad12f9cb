"""Scenes to files in the layout of COCO 2017: instances, people's key points, detections.

`annotations/{instances,person_keypoints}_{train,val}2017.json`, `train2017/`, `val2017/`,
and under `person_detection_results` boxes of people as a detector would give them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from .annotated import AnnotatedPlayground, keypoint_triplets, xywh
from .figures import KEYPOINTS
from .groups import GroupStyle, sample_group
from .labels import Rendering, render
from .outlines import run_lengths, segmentation
from .scene import CLASSES, FIGURE
from .writers import Preset, encode_jpeg

# COCO calls a figure a person; mmpose looks for number 1. The other numbers have gaps, as
# those of COCO. The order here is the order of the labels that mmdet gives.
COCO_CATEGORIES = {'person': 1} | {name: 7 + 3 * i for i, name in enumerate(CLASSES) if i != FIGURE}
COCO_CLASSES = tuple(COCO_CATEGORIES)
COCO_PRESETS = {
    'tiny': Preset(train=40, val=20, image_size=96),
    'small': Preset(train=2_000, val=400, image_size=128),
}
DETECTIONS = 'person_detection_results/COCO_val2017_detections_AP_H_56_person.json'

_SKELETON = [
    [16, 14], [14, 12], [17, 15], [15, 13], [12, 13], [6, 12], [7, 13], [6, 7], [6, 8], [7, 9],
    [8, 10], [9, 11], [2, 3], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 7],
]  # fmt: skip
_CROWD_BELOW = 24  # visible pixels; people so small are not told apart
_MOST = 100  # annotations of an image have numbers of their own below this


@dataclass(frozen=True)
class CocoPlayground(AnnotatedPlayground):
    """Scenes full of things, with people among them."""

    layout: ClassVar[str] = 'coco'
    presets: ClassVar[dict[str, Preset]] = COCO_PRESETS
    usual_style: ClassVar[GroupStyle] = GroupStyle(
        object_height=(0.25, 0.45), off_centre=0.2, distractors=4,
        figure_chance=0.5, occluder_chance=0.3,
    )  # fmt: skip

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        name = file_name(self.number(split, index))
        return self.notes_path(split, index), f'{split}2017/{name}'

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        scene = sample_group(self.seed, index, self.style, split)
        rendering = render(scene, self.image_shape(index))
        seen = rendering.figures[rendering.visibility[rendering.figures] > 0]
        notes = {
            'annotations': annotations(rendering),
            'detections': self.detected(
                split, index, rendering.boxes[seen], rendering.visibility[seen]
            ),
        }
        return json.dumps(notes).encode(), encode_jpeg(rendering.image)

    def lists(self, root: Path) -> dict[str, str]:
        lists = {}
        for split in self.counts():
            instances, people, detections = self._collected(root, split)
            lists[f'annotations/instances_{split}2017.json'] = json.dumps(instances)
            lists[f'annotations/person_keypoints_{split}2017.json'] = json.dumps(people)
            if split == 'val':
                lists[DETECTIONS] = json.dumps(detections)
        return lists

    def _collected(self, root: Path, split: str) -> tuple[dict, dict, list]:
        images, every, detections = [], [], []
        for index, notes in self.notes(root, split):
            number = self.number(split, index)
            height, width = self.image_shape(index)
            images.append(
                {'file_name': file_name(number), 'height': height, 'width': width, 'id': number}
            )
            for i, annotation in enumerate(notes['annotations']):
                every.append({'id': _MOST * number + i, 'image_id': number} | annotation)
            for box in notes['detections']:
                detections.append({'image_id': number, 'category_id': 1} | box)
        head = {'info': {'description': 'playground', 'version': '1'}, 'licenses': []}
        head['images'] = images
        bare = [{k: v for k, v in a.items() if 'keypoints' not in k} for a in every]
        people = [a for a in every if a['category_id'] == 1]
        instances = head | {'annotations': bare, 'categories': categories()}
        keypoints = head | {'annotations': people, 'categories': [person_category()]}
        return instances, keypoints, detections


def file_name(number: int) -> str:
    return f'{number:012d}.jpg'


def categories() -> list[dict]:
    """The ten classes, person first."""
    return [
        {'supercategory': 'person' if name == 'person' else 'solid', 'id': number, 'name': name}
        for name, number in COCO_CATEGORIES.items()
    ]


def person_category() -> dict:
    """The one category of the key-point files; joints of the skeleton count from 1."""
    person = {'supercategory': 'person', 'id': 1, 'name': 'person'}
    return person | {'keypoints': list(KEYPOINTS), 'skeleton': _SKELETON}


def annotations(rendering: Rendering) -> list[dict]:
    """Whatever is visible, in the order of the scene, without the numbers of the annotations.

    People too small to be told apart come last, as one crowd.
    """
    height, width = rendering.semantic.shape
    keypoints = dict(zip(rendering.figures.tolist(), rendering.keypoints))
    found, crowd = [], np.zeros((height, width), dtype=bool)
    for i, mask in enumerate(rendering.masks):
        area = int(np.count_nonzero(mask))
        if i in keypoints and area < _CROWD_BELOW:
            crowd |= mask
        elif area:
            one = {
                'category_id': COCO_CATEGORIES[coco_name(int(rendering.categories[i]))],
                'segmentation': segmentation(mask),
                'area': float(area),
                'bbox': xywh(rendering.boxes[i]),
                'iscrowd': 0,
            }
            if i in keypoints:
                one['keypoints'] = keypoint_triplets(keypoints[i], height, width)
                one['num_keypoints'] = int(np.count_nonzero(keypoints[i][:, 2]))
            found.append(one)
    if crowd.any():
        found.append(_crowd(crowd))
    return found


def coco_name(category: int) -> str:
    return 'person' if category == FIGURE else CLASSES[category]


def _crowd(mask: np.ndarray) -> dict:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return {
        'category_id': 1,
        'segmentation': run_lengths(mask),
        'area': float(np.count_nonzero(mask)),
        'bbox': xywh(box),
        'iscrowd': 1,
        'keypoints': [0] * (3 * len(KEYPOINTS)),
        'num_keypoints': 0,
    }
