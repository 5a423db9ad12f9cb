"""Arithmetic and chance that give the same bits on every machine.

IEEE-754 fixes the result of + - * / and sqrt, but not of sine or cosine, and a
fused multiply-add or a BLAS call may round differently from one processor to the
next. Whatever reaches a pixel is therefore computed from the exact operations
alone, and every random choice from `Generator.random` and `Generator.integers`.
"""

import math

import numpy as np

Vector = tuple[float, float, float]

_STREAMS = ('train', 'val', 'test')
_TAU = 6.283185307179586


def stream(seed: int, split: str, index: int, purpose: int) -> np.random.Generator:
    """The random numbers of one scene or clip: the same ones whichever worker asks."""
    if split not in _STREAMS:
        raise ValueError(f'unknown split {split!r}; use one of {", ".join(_STREAMS)}')
    if seed < 0 or index < 0:
        raise ValueError(f'seed and index must not be negative, got seed={seed} index={index}')
    entropy = [seed, _STREAMS.index(split), index, purpose]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * rng.random()


def choice(rng: np.random.Generator, options: tuple):
    return options[int(rng.integers(len(options)))]


def sine(degrees: float) -> float:
    """A Taylor polynomial, right to about 1e-7; `math.sin` differs between C libraries."""
    turns = degrees / 360.0
    turns -= math.floor(turns + 0.5)
    if turns > 0.25:
        turns = 0.5 - turns
    elif turns < -0.25:
        turns = -0.5 - turns
    x = turns * _TAU
    s = x * x
    return x * (1 - s / 6 * (1 - s / 20 * (1 - s / 42 * (1 - s / 72 * (1 - s / 110)))))


def cosine(degrees: float) -> float:
    return sine(degrees + 90.0)


def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def cross(a: Vector, b: Vector) -> Vector:
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


def add(a: Vector, b: Vector) -> Vector:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def scale(a: Vector, factor: float) -> Vector:
    return (a[0] * factor, a[1] * factor, a[2] * factor)


def subtract(a: Vector, b: Vector) -> Vector:
    return (a[0] - b[0], a[1] - b[1], a[2] - b[2])


def unit(a: Vector) -> Vector:
    return scale(a, 1.0 / math.sqrt(dot(a, a)))


def turned(a: Vector, degrees: float) -> Vector:
    """`a` turned around the vertical, counter-clockwise seen from above."""
    c, s = cosine(degrees), sine(degrees)
    return (c * a[0] - s * a[1], s * a[0] + c * a[1], a[2])
