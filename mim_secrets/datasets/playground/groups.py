"""Worlds with people in them who stand close to one another, or far apart."""

from dataclasses import dataclass, replace

import numpy as np

from .exact import choice, stream, uniform
from .sampling import Range, Style, sample_scene, sample_thing
from .scene import CLASSES, FIGURE, Scene, Thing

_GROUP = 2  # purpose of a random stream; `sampling` has 0 and 1
_TRIES = 8
_ROOM = 0.26  # that a body takes on the ground, in its heights


@dataclass(frozen=True)
class GroupStyle(Style):
    """A style whose scenes are joined by figures. Both ends of a range can be drawn."""

    companions: tuple[int, int] = (0, 3)
    companion_size: Range = (1.1, 1.7)  # metres
    nearness: Range = (0.6, 1.6)  # of neighbours, in heights; drawn once for a scene


def sample_group(seed: int, index: int, style: GroupStyle, split: str = 'train') -> Scene:
    """`sample_scene` with its companions, who come last in the list of things."""
    scene = sample_scene(seed, index, style, split)
    rng = stream(seed, split, index, _GROUP)
    low, high = style.companions
    nearness = uniform(rng, *style.nearness)
    things = list(scene.things)
    for _ in range(int(rng.integers(low, high + 1))):
        companion = _sample_companion(rng, style, things, nearness)
        if companion is not None:
            things.append(companion)
    return replace(scene, things=tuple(things))


def sample_crowd(seed: int, index: int, style: GroupStyle, split: str = 'train') -> Scene:
    """A group around a figure: every crowd has at least one."""
    return sample_group(seed, index * len(CLASSES) + FIGURE, style, split)


def _sample_companion(
    rng: np.random.Generator, style: GroupStyle, things: list[Thing], nearness: float
) -> Thing | None:
    """Somebody beside one who is there already, or nobody where no room is left."""
    size = uniform(rng, *style.companion_size)
    thing = sample_thing(rng, FIGURE, style, size, 180.0)
    neighbours = [t for t in things if t.category == FIGURE] or things[:1]
    for _ in range(_TRIES):
        beside = choice(rng, tuple(neighbours))
        away = choice(rng, (-1.0, 1.0)) * uniform(rng, 0.5, 1.5) * nearness * size
        # Mostly beside one another as the camera sees it, and not in one line.
        placed = replace(thing, x=beside.x + away, y=beside.y + uniform(rng, -0.4, 0.8) * size)
        if all(_room_between(placed, other) for other in things):
            return placed
    return None


def _room_between(a: Thing, b: Thing) -> bool:
    wide = (_ROOM if b.category == FIGURE else 0.6) * b.size
    gap = 0.5 * (_ROOM * a.size + wide) + 0.1
    return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y) > gap * gap
