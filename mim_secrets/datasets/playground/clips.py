"""Clips for tracking: one thing that moves, and all that makes it hard to follow.

A clip is a scene to which a purpose of its own adds motion, so that nothing that is drawn
elsewhere changes. The thing wanders to the side and in depth, which changes its size, the
camera sways and follows it in part, others of its class walk about beside it, something
large may pass before it, and the camera may turn away from it and back.
"""

from dataclasses import dataclass, replace

import numpy as np

from .exact import Vector, choice, sine, stream, uniform
from .sampling import Range, Style, sample_scene, sample_thing
from .scene import CLASSES, FIGURE, Camera, Scene, Thing

_TRACK = 5  # purpose of a random stream; other modules have 0 to 4
_BLOCK = CLASSES.index('block')  # whatever passes before the thing must leave no gaps
_BLOCK_EXTENT = 0.84  # of a block of size 1, along each of its axes
_HALF_WIDTH = 2.0 / 3.0  # of a picture, over its height
_RAMP = 4.0  # frames in which the camera turns away, or back


@dataclass(frozen=True)
class ClipStyle(Style):
    """How hard clips are. Lengths are in sizes of the thing, times in frames, angles in
    degrees; both ends of a range of whole numbers can be drawn."""

    twins: tuple[int, int] = (0, 2)  # others of the same class
    passing_chance: float = 0.45  # of something that passes before the thing
    leaving_chance: float = 0.3  # of the camera turning away and back
    reach: Range = (0.5, 1.4)  # of wandering to the side
    depth_reach: Range = (0.1, 0.33)  # of wandering in depth, over the distance
    pace: Range = (5.0, 13.0)  # of wandering, a frame
    spin: float = 4.0  # at most, a frame
    sway: float = 0.25  # of the camera
    following: Range = (0.0, 0.7)  # how much of the thing's way the camera looks after


@dataclass(frozen=True)
class Clip:
    """A scene for each frame, with the same things in the same order; the first is tracked."""

    scenes: tuple[Scene, ...]
    twins: int
    passing: bool
    leaving: bool


@dataclass(frozen=True)
class _Way:
    """Along a sine, from where it begins: `reach` metres, `pace` degrees a frame."""

    reach: float
    phase: float
    pace: float

    def at(self, frame: int) -> float:
        return self.reach * (sine(self.phase + self.pace * frame) - sine(self.phase))


_STILL = _Way(0.0, 0.0, 0.0)


def sample_track(
    seed: int, index: int, style: ClipStyle, frames: int, split: str = 'train', attempt: int = 0
) -> Clip:
    """The clip with this number; `attempt` gives another motion in the same scene."""
    first = sample_scene(seed, index, style, split)
    rng = stream(seed, split, index, _TRACK + 16 * attempt)
    main = first.things[0]
    distance = -first.camera.position[1]
    ways = [_sample_motion(rng, style, main, distance)]
    things = list(first.things)
    # What the scene came with stands still.
    ways += [(_STILL, _STILL, 0.0)] * (len(things) - 1)
    twins = int(rng.integers(style.twins[0], style.twins[1] + 1))
    for _ in range(twins):
        things.append(_sample_twin(rng, style, main))
        ways.append(_sample_motion(rng, style, main, 0.3 * distance))
    passing, leaving = (rng.random() < p for p in (style.passing_chance, style.leaving_chance))
    sway = tuple(_sample_way(rng, style, (0.0, style.sway * main.size)) for _ in range(3))
    following = uniform(rng, *style.following)
    turn = _sample_turn(rng, frames) if leaving else _NO_TURN
    strides = uniform(rng, 0.06, 0.11)

    def scene_at(frame: int) -> Scene:
        moved = tuple(_moved(t, way, strides, frame) for t, way in zip(things, ways))
        camera = _camera_at(first.camera, main, moved[0], sway, following, turn, frame)
        return replace(first, camera=camera, things=moved)

    scenes = tuple(scene_at(frame) for frame in range(frames))
    if passing:
        middle = int(uniform(rng, 0.45, 0.65) * frames)
        scenes = _with_passer(rng, style, scenes, middle)
    return Clip(scenes, twins, passing, leaving)


@dataclass(frozen=True)
class _Turn:
    """The camera looks away to one side around a frame, and `half` of the frames before and
    after it."""

    side: float
    middle: float
    half: float

    def at(self, frame: int) -> float:
        """0 where the camera looks ahead, 1 where it is turned away fully."""
        inside = (self.half + _RAMP - abs(frame - self.middle)) / _RAMP
        return min(max(inside, 0.0), 1.0) if self.side else 0.0


_NO_TURN = _Turn(0.0, 0.0, 0.0)


def _sample_turn(rng: np.random.Generator, frames: int) -> _Turn:
    side = choice(rng, (-1.0, 1.0))
    return _Turn(side, uniform(rng, 0.45, 0.75) * frames, uniform(rng, 0.0, 2.0))


def _sample_way(rng: np.random.Generator, style: ClipStyle, reach: Range) -> _Way:
    pace = choice(rng, (-1.0, 1.0)) * uniform(rng, *style.pace)
    return _Way(uniform(rng, *reach), uniform(rng, 0.0, 360.0), pace)


def _sample_motion(
    rng: np.random.Generator, style: ClipStyle, thing: Thing, distance: float
) -> tuple[_Way, _Way, float]:
    aside = tuple(thing.size * v for v in style.reach)
    deep = tuple(distance * v for v in style.depth_reach)
    return (
        _sample_way(rng, style, aside),
        _sample_way(rng, style, deep),
        uniform(rng, -style.spin, style.spin),
    )


def _sample_twin(rng: np.random.Generator, style: ClipStyle, main: Thing) -> Thing:
    """Another of the same class, beside the main thing or behind it."""
    size = uniform(rng, 0.8, 1.15) * main.size
    thing = sample_thing(rng, main.category, style, size, 180.0)
    x = choice(rng, (-1.0, 1.0)) * uniform(rng, 1.1, 1.9) * main.size
    return replace(thing, x=x, y=uniform(rng, 0.0, 1.5) * main.size)


def _moved(thing: Thing, way: tuple[_Way, _Way, float], strides: float, frame: int) -> Thing:
    aside, deep, spin = way
    walking = thing.category == FIGURE and aside.reach > 0
    return replace(
        thing,
        x=thing.x + aside.at(frame),
        y=thing.y + deep.at(frame),
        turn=thing.turn + spin * frame,
        stride=thing.stride + (strides * frame if walking else 0.0),
    )


def _camera_at(
    camera: Camera,
    first: Thing,
    now: Thing,
    sway: tuple[_Way, _Way, _Way],
    following: float,
    turn: _Turn,
    frame: int,
) -> Camera:
    offsets = tuple(way.at(frame) for way in sway)
    # Up and down by half, so that the camera never comes near the ground.
    position = _plus(camera.position, (offsets[0], offsets[1], 0.5 * offsets[2]))
    after = (following * (now.x - first.x), following * (now.y - first.y), 0.0)
    target = _plus(camera.target, after)
    distance = now.y - position[1]
    # Half of a 4:3 picture, the widest there is, and the thing itself.
    beyond = turn.side * 1.2 * (_HALF_WIDTH * distance / camera.focal + now.size)
    away, part = (now.x + beyond, now.y, target[2]), turn.at(frame)
    target = tuple(t + part * (a - t) for t, a in zip(target, away))
    return replace(camera, position=position, target=target)


def _with_passer(
    rng: np.random.Generator, style: ClipStyle, scenes: tuple[Scene, ...], middle: int
) -> tuple[Scene, ...]:
    """Something high enough to hide the whole thing crosses the view in the middle frame."""
    scene = scenes[middle]
    main, eye = scene.things[0], scene.camera.position
    part = uniform(rng, 0.78, 0.86)  # of the way from the camera to the thing
    top = eye[2] + part * (main.size - eye[2])
    size = uniform(rng, 1.1, 1.2) * top / _BLOCK_EXTENT
    wide = uniform(rng, 1.15, 1.5) * part * main.size / (_BLOCK_EXTENT * size)
    block = sample_thing(rng, _BLOCK, style, size, 15.0)
    block = replace(block, proportions=(wide, 0.4, 1.0))
    x, y = (eye[i] + part * (place - eye[i]) for i, place in enumerate((main.x, main.y)))
    speed = choice(rng, (-1.0, 1.0)) * uniform(rng, 0.14, 0.22) * main.size
    return tuple(
        replace(one, things=(*one.things, replace(block, x=x + speed * (frame - middle), y=y)))
        for frame, one in enumerate(scenes)
    )


def _plus(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])
