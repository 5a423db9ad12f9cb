"""Things to parts: which unit shapes a ball, a table or a cross is built of."""

from typing import NamedTuple

from .exact import Vector, add, scale, turned
from .figures import figure_parts
from .scene import CLASSES, FIGURE, Part, Scene, Thing


class Piece(NamedTuple):
    """A shape with its centre and half extents; the whole thing is about 1 high or wide."""

    shape: str
    centre: Vector
    half: Vector
    trimmed: bool = False


def _table() -> tuple[Piece, ...]:
    legs = [
        Piece('block', (x, y, 0.33), (0.055, 0.055, 0.33), True)
        for x in (-0.42, 0.42)
        for y in (-0.26, 0.26)
    ]
    return (Piece('block', (0.0, 0.0, 0.72), (0.5, 0.34, 0.06)), *legs)


BLUEPRINTS = {
    'ball': (Piece('ball', (0.0, 0.0, 0.5), (0.5, 0.5, 0.5)),),
    'block': (Piece('block', (0.0, 0.0, 0.42), (0.42, 0.42, 0.42)),),
    'can': (Piece('can', (0.0, 0.0, 0.5), (0.34, 0.34, 0.5)),),
    'cone': (Piece('cone', (0.0, 0.0, 0.5), (0.45, 0.45, 0.5)),),
    'cross': (
        Piece('block', (0.0, 0.0, 0.5), (0.13, 0.13, 0.5)),
        Piece('block', (-0.29, 0.0, 0.56), (0.16, 0.12, 0.13), True),
        Piece('block', (0.29, 0.0, 0.56), (0.16, 0.12, 0.13), True),
    ),
    'pyramid': (Piece('pyramid', (0.0, 0.0, 0.42), (0.5, 0.5, 0.42)),),
    'ring': (Piece('ring', (0.0, 0.0, 0.5), (0.5, 0.16, 0.5)),),
    'table': _table(),
    'wedge': (Piece('wedge', (0.0, 0.0, 0.32), (0.5, 0.3, 0.32)),),
}


def thing_parts(thing: Thing, index: int) -> list[Part]:
    """The parts of a thing, placed in the world; `index` is its number in the scene."""
    foot = (thing.x, thing.y, 0.0)
    if thing.category == FIGURE:
        return figure_parts(thing, foot, index)
    wide, deep, high = (thing.size * p for p in thing.proportions)
    ahead, aside = turned((0.0, 1.0, 0.0), thing.turn), turned((1.0, 0.0, 0.0), thing.turn)
    parts = []
    for piece in BLUEPRINTS[CLASSES[thing.category]]:
        (x, y, z), (a, b, c) = piece.centre, piece.half
        centre = add(foot, turned((wide * x, deep * y, high * z), thing.turn))
        axes = (scale(aside, wide * a), scale(ahead, deep * b), (0.0, 0.0, high * c))
        parts.append(Part(piece.shape, centre, axes, 0.0, index, piece.trimmed))
    return parts


def scene_parts(scene: Scene) -> list[Part]:
    return [part for i, thing in enumerate(scene.things) for part in thing_parts(thing, i)]
