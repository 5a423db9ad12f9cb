"""What a world consists of: a camera, a light, the ground, the sky and things.

World axes: x to the right, y away from the first camera, z up; metres; the ground
is z = 0. A thing is placed by its foot point and turned around the vertical.
"""

from dataclasses import dataclass

from .exact import Vector, cross, subtract, unit
from .textures import Material

# Alphabetical, so that the order of the class folders is the order of the labels.
CLASSES = (
    'ball', 'block', 'can', 'cone', 'cross', 'figure', 'pyramid', 'ring', 'table', 'wedge',
)  # fmt: skip
SEMANTIC_CLASSES = ('sky', 'ground', *CLASSES)
FIGURE = CLASSES.index('figure')


@dataclass(frozen=True)
class Camera:
    """A pinhole without roll or distortion; `focal` is in image heights."""

    position: Vector
    target: Vector
    focal: float

    def axes(self) -> tuple[Vector, Vector, Vector]:
        """Unit vectors to the right, down and forward in the image."""
        forward = unit(subtract(self.target, self.position))
        right = unit(cross(forward, (0.0, 0.0, 1.0)))
        return right, cross(forward, right), forward


@dataclass(frozen=True)
class Light:
    """A distant lamp: unit vector towards it, and how bright shade and lamp are."""

    direction: Vector
    ambient: float
    lamp: float


@dataclass(frozen=True)
class Thing:
    """A solid or a figure. `size` is its largest extent; `stride` the phase of a walk."""

    category: int
    x: float
    y: float
    turn: float
    size: float
    proportions: Vector
    material: Material
    trim: Material
    stride: float = 0.0


@dataclass(frozen=True)
class Scene:
    """One moment of a world. The first thing is the main one; `label` is its class."""

    camera: Camera
    light: Light
    ground: Material
    sky: Material
    things: tuple[Thing, ...]

    @property
    def label(self) -> int:
        return self.things[0].category

    @property
    def class_name(self) -> str:
        return CLASSES[self.label]


@dataclass(frozen=True)
class Part:
    """A unit shape placed in the world by its centre and its three half axes."""

    shape: str
    centre: Vector
    axes: tuple[Vector, Vector, Vector]
    length: float  # the `k` of a capsule
    thing: int
    trimmed: bool
