"""A scene to a picture: light, texture and shadow on what the rays found."""

import math

import numpy as np

from .exact import dot
from .scene import Light, Part, Scene
from .shapes import INFINITY, normal
from .solids import scene_parts
from .textures import Material, pattern_value
from .tracing import FIRST_PART, GROUND, SKY, PartFrames, View, trace, trace_shadows

RENDERER_VERSION = 1  # raise it whenever a pixel of any scene changes
_SMOOTH_BELOW = 128  # images smaller than this are drawn twice as large and averaged


def image_size(size: int | tuple[int, int]) -> tuple[int, int]:
    """Height and width, from an edge length or a (height, width) pair."""
    height, width = (size, size) if isinstance(size, int) else size
    if height < 8 or width < 8:
        raise ValueError(f'an image of {height}x{width} is too small to draw; use at least 8x8')
    return height, width


def render_image(scene: Scene, size: int | tuple[int, int]) -> np.ndarray:
    """The picture alone (H, W, 3), uint8, RGB; what the fast writers need."""
    height, width = image_size(size)
    factor = 2 if min(height, width) < _SMOOTH_BELOW else 1
    view = View(scene.camera, height * factor, width * factor)
    parts = scene_parts(scene)
    with np.errstate(all='ignore'):  # rays that miss end as infinities and NaNs, on purpose
        colour = _draw(scene, view, parts)
    if factor == 2:
        colour = (colour[:, ::2] + colour[:, 1::2]) * 0.5
        colour = (colour[:, :, ::2] + colour[:, :, 1::2]) * 0.5
    # fmin and fmax, because a NaN (a normal of length 0 at a cone's tip) must not reach uint8.
    colour = np.fmin(np.fmax(colour + 0.5, np.float32(0)), np.float32(255))
    return np.ascontiguousarray(colour.astype(np.uint8).transpose(1, 2, 0))


def _draw(scene: Scene, view: View, parts: list[Part]) -> np.ndarray:
    """Colour (3, H, W), float32. Pixels are sorted by what they see and shaded run by run."""
    frames = PartFrames.of(parts, scene.camera)
    depth, owner = trace(view, frames, parts)
    lit = trace_shadows(view, frames, parts, scene.light, depth, owner)
    order = np.argsort(owner, axis=None, kind='stable')
    x, y = view.slopes(0, view.width, 0, view.height)
    x = np.broadcast_to(x, depth.shape).ravel()[order]
    y = np.broadcast_to(y[:, None], depth.shape).ravel()[order]
    depth, lit = depth.ravel()[order], lit.ravel()[order]
    counts = np.bincount(owner.ravel(), minlength=FIRST_PART + len(parts)).tolist()
    runs = np.empty((3, order.size), dtype=np.float32)
    end = 0
    for which, count in enumerate(counts):
        start, end = end, end + count
        if not count:
            continue
        at = slice(start, end)
        out = runs[:, at]
        if which == SKY:
            _paint(out, scene.sky, x[at], y[at], np.zeros_like(x[at]))
        elif which == GROUND:
            _ground(out, scene, x[at], y[at], depth[at], lit[at])
        else:
            k = which - FIRST_PART
            _surface(out, scene, frames, parts[k], k, x[at], y[at], depth[at], lit[at])
    colour = np.empty_like(runs)
    for channel, run in zip(colour, runs):  # three times faster than all channels at once
        channel[order] = run
    return colour.reshape(3, view.height, view.width)


def _paint(
    out: np.ndarray, material: Material, x: np.ndarray, y: np.ndarray, z: np.ndarray, fade=1.0
) -> None:
    """Unlit colour, into `out` (3, n), at texture coordinates; `fade` weakens the pattern."""
    value = pattern_value(material, x, y, z) * fade
    for channel, a, b in zip(out, material.colour, material.other):
        channel[:] = a + (b - a) * value


def _brightness(light: Light, facing, upward, lit: np.ndarray) -> np.ndarray:
    """Shade is a little darker on what looks down; the lamp adds where it is seen."""
    lamp = np.where(lit, np.maximum(facing, np.float32(0)) * light.lamp, np.float32(0))
    return light.ambient * (0.85 + 0.15 * upward) + lamp


def _ground(
    out: np.ndarray,
    scene: Scene,
    x: np.ndarray,
    y: np.ndarray,
    depth: np.ndarray,
    lit: np.ndarray,
) -> None:
    camera = scene.camera
    right, down, forward = camera.axes()
    place = [camera.position[i] + depth * (x * right[i] + y * down[i] + forward[i]) for i in (0, 1)]
    # Far waves are narrower than a pixel; faded out they do not turn into noise.
    fade = np.minimum(np.float32(1), 8.0 / depth)
    _paint(out, scene.ground, *place, np.zeros_like(x), fade)
    facing = np.full_like(x, scene.light.direction[2])
    out *= _brightness(scene.light, facing, 1.0, lit)


def _surface(
    out: np.ndarray,
    scene: Scene,
    frames: PartFrames,
    part: Part,
    k: int,
    x: np.ndarray,
    y: np.ndarray,
    depth: np.ndarray,
    lit: np.ndarray,
) -> None:
    """Colour, into `out` (3, n), of the pixels that see part k, from their slopes and depths."""
    local = [
        o + depth * (x * r + y * d + f)
        for o, r, d, f in zip(frames.origin[k], frames.right[k], frames.down[k], frames.forward[k])
    ]
    thing, light = scene.things[part.thing], scene.light
    material = thing.trim if part.trimmed else thing.material
    lengths = [math.sqrt(dot(axis, axis)) / thing.size for axis in part.axes]
    _paint(out, material, *(p * length for p, length in zip(local, lengths)))
    # Normals go through the inverse of the frame; its rows are kept as lengths and dot products.
    n = normal(part.shape, *local, part.length)
    rows = frames.inverse[k].tolist()
    norm = sum(c * c * dot(row, row) for c, row in zip(n, rows))
    inverse_norm = 1.0 / np.sqrt(norm)
    facing = sum(c * dot(row, light.direction) for c, row in zip(n, rows)) * inverse_norm
    upward = sum(c * row[2] for c, row in zip(n, rows)) * inverse_norm
    out *= _brightness(light, facing, upward, lit)


def depth_or_zero(depth: np.ndarray) -> np.ndarray:
    """Metric depth (H, W) with 0 where there is none, as KITTI and NYUv2 store it."""
    return np.where(depth < INFINITY, depth, np.float32(0))
