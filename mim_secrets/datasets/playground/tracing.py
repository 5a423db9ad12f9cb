"""Rays against parts: which part every pixel sees and how far away, and who casts shadow.

A camera ray has length 1 along the optical axis, so its parameter t is the metric
depth. A part's frame is linear, therefore the direction of a pixel's ray in it is
`x * right + y * down + forward` with three constants each: one pass per component.
Only pixels inside the screen box of a part are ever tested against it.
"""

from dataclasses import dataclass

import numpy as np

from .scene import Camera, Light, Part
from .shapes import FIRST_HIT, INFINITY

SKY, GROUND, FIRST_PART = 0, 1, 2  # values of an owner map
GROUND_RANGE = 80.0  # metres; ground farther away is drawn as sky and has no depth
_NEAR = 0.05
_LIFT = 0.004  # shadow rays start this far above the surface, in metres
_SIGNS = np.array([[(i >> k & 1) * 2.0 - 1.0 for k in range(3)] for i in range(8)])


@dataclass(frozen=True)
class View:
    """A camera with a raster: `x` (W,) and `y` (H,) are ray slopes at pixel centres."""

    camera: Camera
    height: int
    width: int

    @property
    def focal(self) -> float:
        return self.camera.focal * self.height

    def slopes(self, x0: int, x1: int, y0: int, y1: int) -> tuple[np.ndarray, np.ndarray]:
        """Of the columns x0..x1 and rows y0..y1, which may lie outside the image."""
        x = (np.arange(x0, x1) + (0.5 - 0.5 * self.width)) / self.focal
        y = (np.arange(y0, y1) + (0.5 - 0.5 * self.height)) / self.focal
        return x.astype(np.float32), y.astype(np.float32)


@dataclass(frozen=True)
class PartFrames:
    """All parts of a scene as arrays, and the camera as each of them sees it."""

    centre: np.ndarray  # (P, 3)
    axes: np.ndarray  # (P, 3, 3), the half axes
    inverse: np.ndarray  # (P, 3, 3), world to the frame of the part
    corners: np.ndarray  # (P, 8, 3), of the bounding box
    origin: list  # (P, 3) camera position, then its axes, in the frame of the part
    right: list
    down: list
    forward: list

    @classmethod
    def of(cls, parts: list[Part], camera: Camera) -> 'PartFrames':
        centre = np.array([p.centre for p in parts])
        axes = np.array([p.axes for p in parts])
        squared = axes[..., 0] * axes[..., 0] + axes[..., 1] * axes[..., 1]
        squared = squared + axes[..., 2] * axes[..., 2]
        inverse = axes / squared[..., None]
        reach = axes.copy()
        reach[:, 2] *= np.array([1.0 + p.length for p in parts])[:, None]
        corners = centre[:, None] + _SIGNS[:, 0, None] * reach[:, None, 0]
        corners = corners + _SIGNS[:, 1, None] * reach[:, None, 1]
        corners = corners + _SIGNS[:, 2, None] * reach[:, None, 2]
        right, down, forward = camera.axes()
        origin = np.array(camera.position) - centre
        seen = (into(inverse, v).tolist() for v in (origin, right, down, forward))
        return cls(centre, axes, inverse, corners, *seen)


def into(frame: np.ndarray, vector) -> np.ndarray:
    """(P, 3, 3) frames times one vector or (P, 3) vectors, without a matrix product."""
    v = np.asarray(vector)
    x, y, z = (v[..., i, None] for i in range(3))
    return frame[..., 0] * x + frame[..., 1] * y + frame[..., 2] * z


def project(view: View, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """World points (..., 3) to image x, y and depth; pixel i covers the interval [i, i + 1)."""
    right, down, forward = view.camera.axes()
    dx, dy, dz = (points[..., i] - view.camera.position[i] for i in range(3))
    depth = dx * forward[0] + dy * forward[1] + dz * forward[2]
    x = (dx * right[0] + dy * right[1] + dz * right[2]) / depth * view.focal + 0.5 * view.width
    y = (dx * down[0] + dy * down[1] + dz * down[2]) / depth * view.focal + 0.5 * view.height
    return x, y, depth


def screen_boxes(view: View, corners: np.ndarray, margin: int = 0) -> list[list[int]]:
    """Pixel box x0, x1, y0, y1 of each set of points (P, N, 3), cut at the image plus a margin.

    Points behind the camera have no place on the screen: such a set gets the whole image.
    """
    x, y, depth = project(view, corners)
    behind = depth.min(axis=1) < _NEAR
    sides = []
    for place, size in ((x, view.width), (y, view.height)):
        low, high = -margin, size + margin
        first = np.where(behind, low, np.floor(place.min(axis=1)))
        last = np.where(behind, high, np.ceil(place.max(axis=1)))
        sides += [np.minimum(np.maximum(first, low), high), np.minimum(np.maximum(last, low), high)]
    return np.stack(sides, axis=1).astype(np.int64).tolist()


def camera_hits(view: View, frames: PartFrames, parts: list[Part], k: int, box: list) -> np.ndarray:
    """Depth (h, w) at which the rays of a pixel box meet part k, infinite where they do not."""
    x, y = view.slopes(*box)
    direction = [
        (x * r + f)[None, :] + (y * d)[:, None]
        for r, d, f in zip(frames.right[k], frames.down[k], frames.forward[k])
    ]
    return FIRST_HIT[parts[k].shape](frames.origin[k], direction, parts[k].length)


def trace(view: View, frames: PartFrames, parts: list[Part]) -> tuple[np.ndarray, np.ndarray]:
    """What each pixel sees: depth (H, W) float32, infinite in the sky, and owner (H, W) int16."""
    _, down, forward = view.camera.axes()
    _, y = view.slopes(0, view.width, 0, view.height)
    fall = y * down[2] + np.float32(forward[2])
    row = np.where(fall < 0, np.float32(-view.camera.position[2]) / fall, INFINITY)
    row = np.where(row <= GROUND_RANGE, row, INFINITY)
    depth = np.repeat(row[:, None], view.width, axis=1)
    owner = np.where(depth < INFINITY, np.int16(GROUND), np.int16(SKY))
    for k, box in enumerate(screen_boxes(view, frames.corners)):
        x0, x1, y0, y1 = box
        if x0 >= x1 or y0 >= y1:
            continue
        hit = camera_hits(view, frames, parts, k, box)
        seen = depth[y0:y1, x0:x1]
        nearer = hit < seen
        np.copyto(seen, hit, where=nearer)
        np.copyto(owner[y0:y1, x0:x1], np.int16(FIRST_PART + k), where=nearer)
    return depth, owner


def surface_points(view: View, depth: np.ndarray) -> list[np.ndarray]:
    """World x, y, z (H, W) of what each pixel sees; the sky is given the place of the camera."""
    x, y = view.slopes(0, view.width, 0, view.height)
    depth = np.where(depth < INFINITY, depth, np.float32(0))
    return [
        np.float32(p) + depth * ((x * r + f)[None, :] + (y * d)[:, None])
        for p, r, d, f in zip(view.camera.position, *view.camera.axes())
    ]


def trace_shadows(
    view: View,
    frames: PartFrames,
    parts: list[Part],
    light: Light,
    depth: np.ndarray,
    owner: np.ndarray,
) -> np.ndarray:
    """Which pixels (H, W) see the lamp: a ray towards it from each point near a shadow."""
    points = surface_points(view, depth)
    lift = [_LIFT * v for v in light.direction]
    down = frames.corners[..., 2:] / light.direction[2]
    fallen = frames.corners - down * np.array(light.direction)
    boxes = screen_boxes(view, np.concatenate([frames.corners, fallen], axis=1))
    towards = into(frames.inverse, light.direction)
    # A ray exactly along a face would divide by zero; moved by a hair it does not.
    towards = np.where(abs(towards) < 1e-6, 1e-6, towards).tolist()
    start = into(frames.inverse, np.array(lift) - frames.centre).tolist()
    lit = np.ones(depth.shape, dtype=bool)
    for k, (x0, x1, y0, y1) in enumerate(boxes):
        if x0 >= x1 or y0 >= y1:
            continue
        x, y, z = (p[y0:y1, x0:x1] for p in points)
        origin = [
            x * a + y * b + z * c + s for (a, b, c), s in zip(frames.inverse[k].tolist(), start[k])
        ]
        hit = FIRST_HIT[parts[k].shape](origin, towards[k], parts[k].length)
        # A part does not shade itself: its far side is dark already, and rays that
        # start on its own surface would find it by rounding alone.
        shaded = (hit < INFINITY) & (owner[y0:y1, x0:x1] != FIRST_PART + k)
        lit[y0:y1, x0:x1] &= ~shaded
    return lit
