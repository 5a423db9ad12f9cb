"""Drawing worlds at random: how a scene is composed, how hard it is, how a clip moves.

The class of a scene is its index modulo the number of classes. Everything else is
drawn without looking at the class, so that colour and texture tell nothing of it.
"""

from dataclasses import dataclass, replace

import numpy as np

from .exact import choice, cosine, sine, stream, uniform, unit
from .figures import STRIDE_LENGTH
from .scene import CLASSES, FIGURE, Camera, Light, Scene, Thing
from .textures import Palette, sample_material

Range = tuple[float, float]

_SCENE, _CLIP = 0, 1  # purposes of a random stream
_FIGURE_FRONT = 140.0  # the main figure is seen from this side: three quarters, in stride
_FIGURE_LARGER = 1.3  # a figure is thin; drawn larger it covers as much as a solid
_FIGURE_HEIGHT = 1.5  # beside a solid, before both vary
_SECONDS_PER_FRAME = 0.1
_THING_COLOURS = Palette(saturation=(0.1, 0.6), brightness=(0.25, 0.8))
_GROUND_COLOURS = Palette(saturation=(0.05, 0.35), brightness=(0.5, 0.9))
_SKY_COLOURS = Palette(saturation=(0.05, 0.3), brightness=(0.75, 1.0))
_SKY_PATTERNS = ('gradient', 'blotches')
_SKY_CONTRAST = (0.3, 0.9)
_SKY_FREQUENCY = (0.6, 1.4)


@dataclass(frozen=True)
class Style:
    """How hard the worlds are. Ranges are drawn from uniformly; angles in degrees."""

    max_turn: float = 25.0  # of the main object around the vertical, to either side
    object_height: Range = (0.5, 0.65)  # main object's extent over the image height
    off_centre: float = 0.05  # of the main object, in image heights
    squeeze: float = 0.12  # how far width, depth and height may vary from the blueprint
    distractors: int = 1  # at most
    figure_chance: float = 0.15  # of somebody walking in the background
    occluder_chance: float = 0.1  # of something that hides a part of the main object
    contrast: Range = (0.15, 0.6)  # between the two colours of a thing
    frequency: Range = (0.8, 2.5)  # waves of a texture across a thing
    ground_contrast: Range = (0.05, 0.35)
    ground_frequency: Range = (0.4, 1.2)  # waves per metre
    camera_height: Range = (8.0, 26.0)  # angle under which the camera looks down at it
    focal: Range = (1.1, 1.7)  # in image heights
    light_height: Range = (40.0, 65.0)  # of the lamp over the horizon
    light_side: float = 70.0  # how far the lamp may stand from straight behind the camera
    ambient: Range = (0.5, 0.65)  # brightness in the shade; the softer, the higher
    lamp: float = 0.5  # what the lamp adds


def sample_scene(seed: int, index: int, style: Style, split: str = 'train') -> Scene:
    """The scene with this number; the same arguments always give the same scene."""
    return _sample_world(stream(seed, split, index, _SCENE), index % len(CLASSES), style)


def sample_clip(
    seed: int, index: int, style: Style, frames: int, split: str = 'train'
) -> tuple[Scene, ...]:
    """One world in motion: a scene for each frame, with the same things in the same order."""
    rng = stream(seed, split, index, _CLIP)
    first = _sample_world(rng, index % len(CLASSES), style)
    size = first.things[0].size
    speeds = [_sample_speed(rng, thing, size) for thing in first.things]
    drift = tuple(uniform(rng, -0.25, 0.25) * size for _ in range(3))
    scenes = []
    for frame in range(frames):
        time = frame * _SECONDS_PER_FRAME
        things = tuple(_moved(t, v, time) for t, v in zip(first.things, speeds))
        camera = _following(first, things[0], drift, time)
        scenes.append(replace(first, camera=camera, things=things))
    return tuple(scenes)


def _sample_world(rng: np.random.Generator, label: int, style: Style) -> Scene:
    size = uniform(rng, 0.8, 1.2) * (_FIGURE_HEIGHT if label == FIGURE else 1.0)
    main = sample_thing(rng, label, style, size, style.max_turn)
    focal, extent = uniform(rng, *style.focal), uniform(rng, *style.object_height)
    if label == FIGURE:
        extent = min(extent * _FIGURE_LARGER, 0.8)
    distance = focal * main.size / extent
    camera = _sample_camera(rng, style, main.size, focal, distance, main.size / extent)
    things = [main]
    if rng.random() < style.occluder_chance:
        things.append(_sample_occluder(rng, style, main))
    if rng.random() < style.figure_chance:
        things.append(_sample_passer_by(rng, style, main, focal, distance))
    for _ in range(int(rng.integers(style.distractors + 1))):
        distractor = _sample_distractor(rng, style, things, distance, focal)
        if distractor is not None:
            things.append(distractor)
    ground = sample_material(rng, style.ground_contrast, style.ground_frequency, _GROUND_COLOURS)
    sky = sample_material(rng, _SKY_CONTRAST, _SKY_FREQUENCY, _SKY_COLOURS, _SKY_PATTERNS)
    return Scene(camera, _sample_light(rng, style), ground, sky, tuple(things))


def sample_thing(
    rng: np.random.Generator, category: int, style: Style, size: float, max_turn: float
) -> Thing:
    """Something of this class at the origin, `max_turn` degrees from its usual side at most."""
    turn = uniform(rng, -max_turn, max_turn)
    low, high = 1.0 - style.squeeze, 1.0
    proportions = tuple(uniform(rng, low, high) for _ in range(3))
    material = sample_material(rng, style.contrast, style.frequency, _THING_COLOURS)
    trim = sample_material(rng, style.contrast, style.frequency, _THING_COLOURS)
    one_material = rng.random() < 0.5
    return Thing(
        category,
        0.0,
        0.0,
        turn + (_FIGURE_FRONT if category == FIGURE else 0.0),
        size,
        proportions,
        material,
        material if one_material else trim,
        rng.random(),
    )


def _sample_camera(
    rng: np.random.Generator, style: Style, size: float, focal: float, distance: float, view: float
) -> Camera:
    """Aimed at the middle of the main object; `view` is what the image height shows there."""
    angle = uniform(rng, *style.camera_height)
    away = style.off_centre * view
    position = (0.0, -distance * cosine(angle), 0.5 * size + distance * sine(angle))
    target = (uniform(rng, -away, away), 0.0, 0.5 * size + uniform(rng, -away, away))
    return Camera(position, target, focal)


def _sample_light(rng: np.random.Generator, style: Style) -> Light:
    side = uniform(rng, -style.light_side, style.light_side)
    height = uniform(rng, *style.light_height)
    flat = cosine(height)
    direction = unit((flat * sine(side), -flat * cosine(side), sine(height)))
    return Light(direction, uniform(rng, *style.ambient), style.lamp)


def _sample_occluder(rng: np.random.Generator, style: Style, main: Thing) -> Thing:
    """A smaller thing that stands close before one side of the main object."""
    category = int(rng.integers(len(CLASSES)))
    size = uniform(rng, 0.35, 0.55) * main.size
    thing = sample_thing(rng, category, style, size, 180.0)
    x = choice(rng, (-1.0, 1.0)) * uniform(rng, 0.15, 0.4) * main.size
    return replace(thing, x=x, y=-0.45 * main.size - 0.55 * size)


def _sample_passer_by(
    rng: np.random.Generator, style: Style, main: Thing, focal: float, distance: float
) -> Thing:
    """A figure far enough behind to look about half as large as the main object."""
    size = uniform(rng, 1.5, 1.9)
    thing = sample_thing(rng, FIGURE, style, size, 180.0)
    far = distance * (size / main.size) * uniform(rng, 1.7, 2.6)
    x = choice(rng, (-1.0, 1.0)) * uniform(rng, 0.15, 0.45) * far / focal
    return replace(thing, x=x, y=far - distance)


def _sample_distractor(
    rng: np.random.Generator, style: Style, things: list[Thing], distance: float, focal: float
) -> Thing | None:
    """A smaller thing beside or behind the main object, or none where all is full."""
    main = things[0]
    category = int(rng.integers(len(CLASSES)))
    size = uniform(rng, 0.3, 0.5) * main.size
    thing = sample_thing(rng, category, style, size, 180.0)
    for _ in range(6):
        y = uniform(rng, -0.5, 2.0) * main.size
        x = uniform(rng, -0.55, 0.55) * (distance + y) / focal
        placed = replace(thing, x=x, y=y)
        in_front = y < 0.5 * main.size and abs(x) < 0.55 * (main.size + size)
        if not in_front and all(_apart(placed, other) for other in things):
            return placed
    return None


def _apart(a: Thing, b: Thing) -> bool:
    gap = 0.6 * (a.size + b.size)
    return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y) > gap * gap


def _sample_speed(
    rng: np.random.Generator, thing: Thing, unit_size: float
) -> tuple[float, float, float, float]:
    """Metres a second along x and y, degrees and walking cycles a second."""
    if thing.category == FIGURE:
        cycles = uniform(rng, 0.7, 1.1)
        pace = cycles * STRIDE_LENGTH * thing.size
        return -sine(thing.turn) * pace, cosine(thing.turn) * pace, 0.0, cycles
    fast = 0.6 * unit_size
    return (
        uniform(rng, -fast, fast),
        uniform(rng, -0.5 * fast, 0.5 * fast),
        uniform(rng, -40.0, 40.0),
        0.0,
    )


def _moved(thing: Thing, speed: tuple[float, float, float, float], time: float) -> Thing:
    dx, dy, spin, cycles = speed
    return replace(
        thing,
        x=thing.x + dx * time,
        y=thing.y + dy * time,
        turn=thing.turn + spin * time,
        stride=thing.stride + cycles * time,
    )


def _following(first: Scene, main: Thing, drift: tuple, time: float) -> Camera:
    """The camera drifts, and turns after the main thing without keeping up fully."""
    camera, origin = first.camera, first.things[0]
    moved = (main.x - origin.x, main.y - origin.y, 0.0)
    position = tuple(p + d * time + 0.5 * m for p, d, m in zip(camera.position, drift, moved))
    target = tuple(p + 0.8 * m for p, m in zip(camera.target, moved))
    return replace(camera, position=position, target=target)
