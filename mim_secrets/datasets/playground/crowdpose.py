"""Scenes to files in the layout of CrowdPose: people who hide one another.

`images/`, `annotations/mmpose_crowdpose_{train,val,trainval,test}.json` with 14 key points
for each body and a crowd index for each image, and detected boxes of the test images.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np

from .annotated import AnnotatedPlayground, keypoint_triplets, xywh
from .exact import Vector, add, scale, turned
from .figures import KEYPOINTS, joints
from .groups import GroupStyle, sample_crowd
from .labels import Rendering, render
from .scene import Scene, Thing
from .solids import scene_parts
from .tracing import PartFrames, View, project, screen_boxes
from .writers import Preset, encode_jpeg

# The limbs of COCO in the order of COCO, and two points on the head that COCO lacks.
CROWD_KEYPOINTS = (*KEYPOINTS[5:], 'top_head', 'neck')
CROWDPOSE_PRESETS = {
    'tiny': Preset(train=24, val=8, image_size=96),
    'small': Preset(train=1_200, val=100, image_size=128),
}
DETECTIONS = 'annotations/det_for_crowd_test_0.1_0.5.json'

_TESTS = 4  # test images for each one of validation, as in CrowdPose
_SKELETON = [
    [1, 3], [3, 5], [2, 4], [4, 6], [1, 7], [2, 8], [7, 8], [7, 9], [9, 11], [8, 10], [10, 12],
    [13, 14], [1, 2],
]  # fmt: skip
_SHOWN = 0.08  # share of a body that must be visible for it to be annotated
_FIRST = 100_000  # images have six digits
_MOST = 100


@dataclass(frozen=True)
class CrowdPosePlayground(AnnotatedPlayground):
    """Crowds from loose to dense."""

    layout: ClassVar[str] = 'crowdpose'
    presets: ClassVar[dict[str, Preset]] = CROWDPOSE_PRESETS
    usual_style: ClassVar[GroupStyle] = GroupStyle(
        max_turn=60.0, object_height=(0.4, 0.55), off_centre=0.1, figure_chance=0.0,
        occluder_chance=0.05, companions=(1, 5), companion_size=(1.3, 1.8), nearness=(0.15, 0.8),
    )  # fmt: skip

    def counts(self) -> dict[str, int]:
        return super().counts() | {'test': _TESTS * self.val}

    def number(self, split: str, index: int) -> int:
        return _FIRST + super().number(split, index)

    def paths(self, split: str, index: int) -> tuple[str, ...]:
        return self.notes_path(split, index), f'images/{self.number(split, index)}.jpg'

    def draw(self, split: str, index: int) -> tuple[bytes, ...]:
        scene = sample_crowd(self.seed, index, self.style, split)
        rendering = render(scene, self.image_shape(index))
        people = bodies(scene, rendering)
        boxes = np.array([person['box'] for person in people])
        points = np.array([person['keypoints'] for person in people])
        height, width = self.image_shape(index)
        notes = {
            'crowd_index': crowd_index(boxes, points),
            'annotations': [
                {
                    'category_id': 1,
                    'bbox': xywh(box),
                    'iscrowd': 0,
                    # The number of those that show: CrowdPose leaves the hidden ones out.
                    'num_keypoints': int(np.count_nonzero(body[:, 2] == 2)),
                    'keypoints': keypoint_triplets(body, height, width),
                }
                for box, body in zip(boxes, points)
            ],
            'detections': self.detected(
                split, index, boxes, np.array([person['share'] for person in people])
            ),
        }
        return json.dumps(notes).encode(), encode_jpeg(rendering.image)

    def lists(self, root: Path) -> dict[str, str]:
        files = {split: self._collected(root, split) for split in self.counts()}
        parts = {split: content for split, (content, _) in files.items()}
        parts['trainval'] = parts['train'] | {
            key: parts['train'][key] + parts['val'][key] for key in ('images', 'annotations')
        }
        lists = {f'annotations/mmpose_crowdpose_{k}.json': json.dumps(v) for k, v in parts.items()}
        lists[DETECTIONS] = json.dumps(files['test'][1])
        return lists

    def _collected(self, root: Path, split: str) -> tuple[dict, list]:
        images, people, detections = [], [], []
        for index, notes in self.notes(root, split):
            number = self.number(split, index)
            height, width = self.image_shape(index)
            images.append({
                'file_name': f'{number}.jpg', 'id': number, 'height': height, 'width': width,
                'crowdIndex': notes['crowd_index'],
            })  # fmt: skip
            for i, person in enumerate(notes['annotations']):
                people.append({'id': _MOST * number + i, 'image_id': number} | person)
            for box in notes['detections']:
                detections.append({'image_id': number, 'category_id': 1} | box)
        person = {'supercategory': 'person', 'id': 1, 'name': 'person'}
        person |= {'keypoints': list(CROWD_KEYPOINTS), 'skeleton': _SKELETON}
        return {'images': images, 'annotations': people, 'categories': [person]}, detections


def crowd_index(boxes: np.ndarray, points: np.ndarray) -> float:
    """How crowded an image is, from 0 to 1, as CrowdPose defines it.

    For each person, the joints of the others that lie in its box (N, 4) over its own
    there; the mean over all. `points` (N, 14, 3); joints outside the image do not count.
    """
    ratios = []
    for i, (x0, y0, x1, y1) in enumerate(boxes):
        x, y, flag = points[..., 0], points[..., 1], points[..., 2]
        within = ((x >= x0) & (x < x1) & (y >= y0) & (y < y1) & (flag > 0)).sum(axis=1)
        ratios.append((within.sum() - within[i]) / max(within[i], 1))
    return round(min(float(np.mean(ratios)), 1.0), 4) if ratios else 0.0


def bodies(scene: Scene, rendering: Rendering) -> list[dict]:
    """Everybody who shows: number of the thing; box of the whole body x0, y0, x1, y1 as far
    as it lies in the image, hidden parts included; 14 key points (14, 3); visible share."""
    height, width = rendering.semantic.shape
    view = View(scene.camera, height, width)
    parts = scene_parts(scene)
    corners = PartFrames.of(parts, scene.camera).corners
    found = []
    for figure, limbs in zip(rendering.figures.tolist(), rendering.keypoints[:, 5:]):
        head = head_points(scene.things[figure])
        rest = [_seen_or_not(view, rendering, figure, *point) for point in head]
        own = [k for k, part in enumerate(parts) if part.thing == figure]
        x0, x1, y0, y1 = np.transpose(screen_boxes(view, corners[own]))
        points = np.concatenate([limbs, np.array(rest, dtype=np.float32)])
        share = float(rendering.visibility[figure])
        if share >= _SHOWN and (points[:, 2] == 2).any():
            box = [float(v) for v in (x0.min(), y0.min(), x1.max(), y1.max())]
            person = {'thing': figure, 'box': box, 'keypoints': points, 'share': share}
            found.append(person)
    return found


def head_points(thing: Thing) -> list[tuple[Vector, float]]:
    """Top of the head and neck: place in the world and depth under the surface at most."""
    joint = joints(thing.stride)
    ears = scale(add(joint['left_ear'], joint['right_ear']), 0.5)
    shoulders = scale(add(joint['left_shoulder'], joint['right_shoulder']), 0.5)
    points = ((add(ears, (0.0, 0.0, 0.058)), 0.024), (add(shoulders, (0.0, 0.005, 0.05)), 0.064))
    foot = (thing.x, thing.y, 0.0)
    return [
        (add(foot, scale(turned(place, thing.turn), thing.size)), under * thing.size)
        for place, under in points
    ]


def _seen_or_not(view: View, rendering: Rendering, figure: int, place: Vector, under: float):
    """x, y and flag of a point, by the rule that `render` has for the others."""
    x, y, far = (float(v) for v in project(view, np.array(place)))
    if far <= 0 or not (0 <= x < view.width and 0 <= y < view.height):
        return 0.0, 0.0, 0
    row, column = int(y), int(x)
    near_enough = float(rendering.depth[row, column]) + under >= far
    return x, y, 2 if rendering.masks[figure, row, column] and near_enough else 1
