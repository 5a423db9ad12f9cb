"""A scene to everything that is known about it, sampled at the centres of the pixels."""

from dataclasses import dataclass

import numpy as np

from .figures import KEYPOINTS, figure_keypoints
from .render import depth_or_zero, image_size, render_image
from .scene import CLASSES, FIGURE, Scene
from .shapes import INFINITY
from .solids import scene_parts
from .tracing import FIRST_PART, PartFrames, View, camera_hits, project, screen_boxes, trace

_HIDDEN, _SEEN = 1, 2  # visibility flags of COCO; 0 means outside the image


@dataclass(frozen=True)
class Rendering:
    """One picture with its labels. N things in the order of `scene.things`, M figures.

    Image coordinates are continuous: pixel i covers the interval [i, i + 1).
    """

    image: np.ndarray  # (H, W, 3) uint8 RGB
    label: int
    class_name: str
    categories: np.ndarray  # (N,) int64
    masks: np.ndarray  # (N, H, W) bool, what is visible
    boxes: np.ndarray  # (N, 4) float32 x0, y0, x1, y1 of the mask; zeros when nothing is visible
    visibility: np.ndarray  # (N,) float32, visible pixels over those of the whole thing
    semantic: np.ndarray  # (H, W) uint8, index into SEMANTIC_CLASSES
    depth: np.ndarray  # (H, W) float32 metres along the optical axis, 0 in the sky
    keypoints: np.ndarray  # (M, 17, 3) float32 x, y, COCO visibility
    figures: np.ndarray  # (M,) int64, which thing each figure is
    intrinsics: np.ndarray  # (3, 3) float32


@dataclass(frozen=True)
class ClipRendering:
    """T frames of one world with the track of each of its N things."""

    frames: tuple[Rendering, ...]
    boxes: np.ndarray  # (T, N, 4) float32 x0, y0, x1, y1
    visibility: np.ndarray  # (T, N) float32


def render(scene: Scene, size: int | tuple[int, int]) -> Rendering:
    """The picture and all labels of a scene; `size` is an edge or (height, width)."""
    height, width = image_size(size)
    view = View(scene.camera, height, width)
    parts = scene_parts(scene)
    frames = PartFrames.of(parts, scene.camera)
    with np.errstate(all='ignore'):  # rays that miss end as infinities and NaNs, on purpose
        depth, owner = trace(view, frames, parts)
        whole = _whole_areas(scene, view, frames, parts)
    # Owner values are sky, ground, parts; through these tables they become things and classes.
    thing_of = np.array([-1, -1, *(p.thing for p in parts)])
    class_of = np.array([0, 1, *(FIRST_PART + scene.things[p.thing].category for p in parts)])
    instance = thing_of[owner]
    masks = instance == np.arange(len(scene.things))[:, None, None]
    areas = np.count_nonzero(masks, axis=(1, 2))
    figures = [i for i, thing in enumerate(scene.things) if thing.category == FIGURE]
    keypoints = [_keypoints(scene, i, view, depth, instance) for i in figures]
    focal = view.focal
    return Rendering(
        image=render_image(scene, (height, width)),
        label=scene.label,
        class_name=CLASSES[scene.label],
        categories=np.array([thing.category for thing in scene.things], dtype=np.int64),
        masks=masks,
        boxes=np.stack([_box(mask) for mask in masks]),
        visibility=(areas / np.maximum(whole, 1)).astype(np.float32),
        semantic=class_of[owner].astype(np.uint8),
        depth=depth_or_zero(depth),
        keypoints=np.array(keypoints, dtype=np.float32).reshape(-1, len(KEYPOINTS), 3),
        figures=np.array(figures, dtype=np.int64),
        intrinsics=np.array(
            [[focal, 0, 0.5 * width], [0, focal, 0.5 * height], [0, 0, 1]], dtype=np.float32
        ),
    )


def render_clip(clip: tuple[Scene, ...], size: int | tuple[int, int]) -> ClipRendering:
    """Every frame of a clip, and the boxes of its things as tracks."""
    frames = tuple(render(scene, size) for scene in clip)
    return ClipRendering(
        frames,
        np.stack([frame.boxes for frame in frames]),
        np.stack([frame.visibility for frame in frames]),
    )


def _whole_areas(scene: Scene, view: View, frames: PartFrames, parts: list) -> np.ndarray:
    """Pixels of each thing (N,) if it stood alone in an image with as much again on all sides."""
    margin = max(view.height, view.width)
    boxes = screen_boxes(view, frames.corners, margin)
    areas = []
    for i in range(len(scene.things)):
        own = [k for k, part in enumerate(parts) if part.thing == i]
        x0, y0 = min(boxes[k][0] for k in own), min(boxes[k][2] for k in own)
        x1, y1 = max(boxes[k][1] for k in own), max(boxes[k][3] for k in own)
        covered = np.zeros((y1 - y0, x1 - x0), dtype=bool)
        for k in own:
            a, b, c, d = boxes[k]
            if a < b and c < d:
                hit = camera_hits(view, frames, parts, k, boxes[k]) < INFINITY
                covered[c - y0 : d - y0, a - x0 : b - x0] |= hit
        areas.append(np.count_nonzero(covered))
    return np.array(areas)


def _box(mask: np.ndarray) -> np.ndarray:
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(columns):
        return np.zeros(4, dtype=np.float32)
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], dtype=np.float32)


def _keypoints(scene: Scene, index: int, view: View, depth: np.ndarray, instance: np.ndarray):
    """17 rows x, y, flag. Seen means: the pixel shows this figure, and no part of it
    that lies nearer than the joint's own limb."""
    found = []
    for place, under in figure_keypoints(scene.things[index]):
        x, y, far = (float(v) for v in project(view, np.array(place)))
        if far <= 0 or not (0 <= x < view.width and 0 <= y < view.height):
            found.append((0.0, 0.0, 0))
            continue
        row, column = int(y), int(x)
        near_enough = float(depth[row, column]) + under >= far
        seen = instance[row, column] == index and near_enough
        found.append((x, y, _SEEN if seen else _HIDDEN))
    return found
