"""What is known of an image, by any library's data or model, and a picture of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from mmengine.structures import BaseDataElement

from mim_secrets.apis.inferencers.canvas import Canvas, colour_of
from mim_secrets.apis.inferencers.depth import on_photograph
from mim_secrets.apis.inferencers.depth_scale import span

LEAST_SCORE = 0.3  # below which boxes and joints of a prediction are not drawn
MOST_CLASSES = 5  # below the picture of a classifier
HIDDEN, WHITE = (128, 128, 128), (255, 255, 255)
IGNORED = 255  # in semantic maps


@dataclass
class Labels:
    """Of one image, N things in it, K joints each; whatever is not known is empty."""

    classes: Sequence[str] = ()
    scores: dict[int, float] = field(default_factory=dict)  # class of the image -> score
    boxes: np.ndarray | None = None  # (N, 4): x0, y0, x1, y1
    numbers: Sequence[int] = ()  # classes of the things
    box_scores: Sequence[float] | None = None
    masks: np.ndarray | None = None  # (N, H, W) bool
    semantic: np.ndarray | None = None  # (H, W) class numbers
    depth: np.ndarray | None = None  # (H, W) metres, 0 where nothing was measured
    joints: np.ndarray | None = None  # (N, K, 2)
    seen: np.ndarray | None = None  # (N, K), visibility or score
    links: Sequence[tuple[int, int]] = ()
    hidden: np.ndarray | None = None  # (H, W) bool, what a masked model does not see

    def name(self, number: int) -> str:
        return str(self.classes[number]) if number < len(self.classes) else f'class {number}'


def of_results(results: Mapping, meta: Mapping) -> Labels:
    """Labels in what a pipeline of any library hands from step to step."""
    labels = Labels(meta.get('classes') or ())
    if results.get('gt_label') is not None:
        labels.scores = dict.fromkeys(np.atleast_1d(results['gt_label']).tolist(), 1.0)
    if 'gt_seg_map' in results:
        labels.semantic = np.asarray(results['gt_seg_map'])
    if 'gt_depth_map' in results:
        labels.depth = np.asarray(results['gt_depth_map'])
    if 'gt_bboxes' in results:
        labels.boxes = _array(results['gt_bboxes']).reshape(-1, 4)
        labels.numbers = _array(results.get('gt_bboxes_labels', ())).tolist()
        labels.masks = _masks(results.get('gt_masks'))
    joints = results.get('transformed_keypoints', results.get('keypoints'))
    if joints is not None:
        labels.joints = _array(joints)
        labels.seen = _visible(results['keypoints_visible'])
        labels.links = meta.get('skeleton_links') or ()
        if 'transformed_keypoints' not in results:  # boxes stay behind when people are cut out
            labels.boxes = _array(results['bbox']).reshape(-1, 4)
    return labels


def of_sample(sample: BaseDataElement, meta: Mapping, predicted: bool) -> Labels:
    """Labels or predictions in what a model of any library returns."""
    labels, kind = Labels(meta.get('classes') or ()), 'pred' if predicted else 'gt'
    if predicted and 'pred_score' in sample:
        scores = _array(sample.pred_score)
        best = scores.argsort()[::-1][:MOST_CLASSES].tolist()
        labels.scores = {number: float(scores[number]) for number in best}
    elif not predicted and 'gt_label' in sample:
        labels.scores = dict.fromkeys(_array(sample.gt_label).tolist(), 1.0)
    if f'{kind}_sem_seg' in sample:
        labels.semantic = _array(sample.get(f'{kind}_sem_seg').data)[0]
    if f'{kind}_depth_map' in sample:
        labels.depth = _array(sample.get(f'{kind}_depth_map').data)[0]
    things = sample.get(f'{kind}_instances')
    if things is None:
        return labels
    if 'bboxes' in things:
        labels.boxes = _array(things.bboxes).reshape(-1, 4)
    if 'keypoints' in things:
        labels.joints = _array(things.keypoints)
        labels.seen = _visible(things.get('keypoint_scores', things.get('keypoints_visible')))
        labels.links = meta.get('skeleton_links') or ()
        return labels
    labels.numbers = _array(things.labels).tolist()
    labels.masks = _masks(things.get('masks'))
    labels.box_scores = _array(things.scores).tolist() if 'scores' in things else None
    return labels


def draw(pixels: np.ndarray, labels: Labels, caption: str = '') -> np.ndarray:
    """A picture, uint8 RGB, small images enlarged.

    Args:
        pixels: uint8 BGR (H, W, 3), as images are decoded.
    """
    canvas = Canvas(pixels)
    if labels.hidden is not None:
        canvas.regions(labels.hidden[None], [HIDDEN], opacity=0.85)
    if labels.semantic is not None:
        _draw_map(canvas, labels)
    if labels.depth is not None and (ends := span(labels.depth)):
        canvas.depth(on_photograph(labels.depth, pixels.shape[:2]), *ends, opacity=0.7)
        canvas.scale(*ends)
    if labels.joints is not None:
        _draw_people(canvas, labels)
    elif labels.boxes is not None:
        _draw_things(canvas, labels)
    if caption:
        canvas.label(caption, (0, 0), WHITE)
    if labels.scores:
        rows = [(colour_of(n), share, labels.name(n)) for n, share in labels.scores.items()]
        canvas.table(rows)
    return canvas.pixels


def _draw_map(canvas: Canvas, labels: Labels) -> None:
    known = labels.semantic[labels.semantic != IGNORED]
    numbers, counts = np.unique(known, return_counts=True)
    order = counts.argsort()[::-1]  # small ones are drawn last
    numbers, counts = numbers[order].tolist(), counts[order] / labels.semantic.size
    masks = labels.semantic == np.array(numbers, int)[:, None, None]
    colours, names = [colour_of(n) for n in numbers], [labels.name(n) for n in numbers]
    canvas.regions(masks, colours)
    canvas.names(masks, names, colours)
    canvas.table([*zip(colours, counts.tolist(), names, strict=True)])


def _draw_things(canvas: Canvas, labels: Labels) -> None:
    scores = labels.box_scores
    shown = range(len(labels.boxes))
    if scores is not None:  # the surest on top
        shown = sorted((i for i in shown if scores[i] >= LEAST_SCORE), key=scores.__getitem__)
    colours = [colour_of(labels.numbers[i]) for i in shown]
    if labels.masks is not None and len(colours):
        canvas.regions(labels.masks[list(shown)], colours)
    for i, colour in zip(shown, colours, strict=True):
        canvas.box(labels.boxes[i], colour)
    for i, colour in zip(shown, colours, strict=True):
        share = '' if scores is None else f' {scores[i]:.0%}'
        canvas.label(labels.name(labels.numbers[i]) + share, labels.boxes[i][:2], colour)


def _draw_people(canvas: Canvas, labels: Labels) -> None:
    for box in () if labels.boxes is None else labels.boxes:
        canvas.box(box, WHITE)
    for person, (joints, seen) in enumerate(zip(labels.joints, labels.seen, strict=True)):
        colour, drawn = colour_of(person), seen >= LEAST_SCORE
        for start, end in labels.links:
            if drawn[start] and drawn[end]:
                canvas.line(joints[start], joints[end], colour)
        for joint in joints[drawn]:
            canvas.dot(joint, colour)


def _array(values: object) -> np.ndarray:
    """From tensors, from mmdet's boxes, from whatever NumPy reads."""
    values = getattr(values, 'tensor', values)
    return values.cpu().numpy() if isinstance(values, torch.Tensor) else np.asarray(values)


def _masks(masks: object) -> np.ndarray | None:
    """From tensors, and from mmdet's bitmaps and polygons."""
    if masks is None:
        return None
    masks = masks.to_ndarray() if hasattr(masks, 'to_ndarray') else _array(masks)
    return masks.astype(bool)


def _visible(flags: object) -> np.ndarray:
    """(N, K) of (N, K) or, from a dataset with weights beside, (N, K, 2)."""
    flags = _array(flags)
    return flags[..., 0] if flags.ndim == 3 else flags
