"""Where the joints of people are."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.structures import BaseDataElement, InstanceData

from mim_secrets.apis.inferencers.base import Inferencer, Photograph
from mim_secrets.apis.inferencers.canvas import Canvas, Colour
from mim_secrets.apis.inferencers.detection import DetectionInferencer
from mim_secrets.apis.inferencers.inputs import Source
from mim_secrets.apis.inferencers.loading import ConfigLike

# Sides of the body, in colours of Okabe and Ito.
SIDES: dict[str, Colour] = dict(left=(86, 180, 233), right=(230, 159, 0))
MIDDLE: Colour = (240, 228, 66)


class PoseInferencer(Inferencer):
    """Of top-down models in configs of mmpose.

    Each person is looked at in a box: one of ``bboxes`` where given, or one of a
    detector's, or else the whole image. A prediction has ``instances``, each with
    ``keypoints`` (x, y), ``keypoint_scores``, ``bbox`` and ``bbox_score``, and
    ``keypoint_names``. ``kpt_thr``: joints of a lower score are not drawn.

    Args:
        detector: Finds people where no boxes are given.
        person: What the detector calls them.
        bbox_thr: Boxes of a lower score are not looked at.
    """

    library, project = 'mmpose', 'MMPose'
    predicts = 'pred_instances'
    preprocess_kwargs = {'bboxes'}
    visualize_kwargs = {'kpt_thr'}

    def __init__(
        self,
        config: ConfigLike,
        weights: str | Path | None = None,
        device: str | None = None,
        show_progress: bool = True,
        *,
        detector: DetectionInferencer | None = None,
        person: str = 'person',
        bbox_thr: float = 0.3,
    ) -> None:
        super().__init__(config, weights, device, show_progress)
        self.detector, self.person, self.bbox_thr = detector, person, bbox_thr
        known = detector.dataset_meta.get('classes') or () if detector else (person,)
        if person not in known:
            raise ValueError(
                f'The detector knows no {person!r}; name one of its classes as person: '
                f'{", ".join(known)}.'
            )

    def facts(
        self, sources: list[Source], bboxes: Sequence | np.ndarray | None = None
    ) -> list[dict]:
        """``bboxes``: x0, y0, x1, y1 as (N, 4), or a list of such, one for each image."""
        if bboxes is None:
            return [{} for _ in sources]
        if len(sources) == 1 and np.ndim(bboxes) != 3:
            bboxes = [bboxes]
        if len(bboxes) != len(sources):
            raise ValueError(
                f'There are boxes for {len(bboxes)} images, but {len(sources)} images; give one '
                'array (N, 4) for each.'
            )
        return [dict(boxes=_checked(boxes)) for boxes in bboxes]

    def samples(self, photo: Photograph) -> list[dict]:
        boxes, scores = self._boxes(photo)
        return [
            {
                **sample,
                **self.dataset_meta,
                'bbox': box[None].astype(np.float32),
                'bbox_score': np.array([score], np.float32),
            }
            for box, score in zip(boxes, scores, strict=True)
            for sample in super(PoseInferencer, self).samples(photo)
        ]

    def _boxes(self, photo: Photograph) -> tuple[np.ndarray, np.ndarray]:
        """(N, 4) and (N,)."""
        if 'boxes' in photo.known:
            boxes = photo.known['boxes']
        elif self.detector is not None:
            return self._detected(photo)
        else:
            height, width = photo.pixels.shape[:2]
            boxes = np.array([[0, 0, width, height]])
        return boxes, np.ones(len(boxes))

    def _detected(self, photo: Photograph) -> tuple[np.ndarray, np.ndarray]:
        (found,) = self.detector(photo.pixels)['predictions']
        scores = np.array(found['scores'])
        people = np.array(found['classes']) == self.person
        kept = people & (scores >= self.bbox_thr)
        return np.array(found['bboxes']).reshape(-1, 4)[kept], scores[kept]

    def merge(self, outputs: list[BaseDataElement]) -> BaseDataElement:
        from mmpose.structures import PoseDataSample, merge_data_samples

        if outputs:
            return merge_data_samples(outputs)
        return PoseDataSample(pred_instances=InstanceData())

    def describe(self, output: BaseDataElement) -> dict:
        found = output.pred_instances
        keys = ('keypoints', 'keypoint_scores', 'bboxes', 'bbox_scores')
        columns = [np.asarray(found.get(key, [])).tolist() for key in keys]
        names = ('keypoints', 'keypoint_scores', 'bbox', 'bbox_score')
        instances = [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
        return dict(instances=instances, keypoint_names=self._names())

    def draw(self, canvas: Canvas, prediction: dict, kpt_thr: float = 0.3) -> None:
        colours = [_side(name) for name in prediction['keypoint_names']]
        whole = [0, 0, prediction['width'], prediction['height']]
        for person in prediction['instances']:
            points, scores = person['keypoints'], person['keypoint_scores']
            if person['bbox'] != whole:
                canvas.box(person['bbox'], (255, 255, 255))
            for start, end in self.dataset_meta.get('skeleton_links') or ():
                if min(scores[start], scores[end]) >= kpt_thr:
                    one_side = colours[start] == colours[end]
                    colour = colours[start] if one_side else MIDDLE
                    canvas.line(points[start], points[end], colour)
            for point, score, colour in zip(points, scores, colours, strict=True):
                if score >= kpt_thr:
                    canvas.dot(point, colour)
        joints = [s for person in prediction['instances'] for s in person['keypoint_scores']]
        if max(joints, default=0.0) < kpt_thr:
            surest = f', the surest {max(joints):.2f}' if joints else ''
            canvas.note(f'no joint from {kpt_thr:.2f} on{surest}')

    def _names(self) -> list[str]:
        names = self.dataset_meta.get('keypoint_id2name') or {}
        return [names[number] for number in sorted(names)]


def _side(name: str) -> Colour:
    return next((colour for side, colour in SIDES.items() if side in name), MIDDLE)


def _checked(boxes: object) -> np.ndarray:
    boxes = np.asarray(boxes, dtype=float).reshape(-1, 4) if np.size(boxes) % 4 == 0 else None
    if boxes is None or (boxes[:, 2:] <= boxes[:, :2]).any() or not np.isfinite(boxes).all():
        raise ValueError(
            'Boxes must be (N, 4) with x0, y0, x1, y1, where x0 < x1 and y0 < y1; those of '
            'COCO, which are x, y, width, height, must be turned into that.'
        )
    return boxes
