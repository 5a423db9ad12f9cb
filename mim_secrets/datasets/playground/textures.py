"""Colours and patterns, drawn without knowing what they will cover.

A pattern is a number between 0 and 1 for each point of a surface, made of waves
that run through space; it mixes a material's two colours.
"""

from dataclasses import dataclass

import numpy as np

from .exact import Vector, choice, scale, uniform, unit

PATTERNS = ('plain', 'gradient', 'stripes', 'checks', 'dots', 'blotches')
_AXES = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))


@dataclass(frozen=True)
class Material:
    """Two colours (RGB, 0-255), a pattern, and the waves that the pattern is made of."""

    pattern: str
    colour: Vector
    other: Vector
    waves: tuple[Vector, Vector, Vector]
    phases: Vector


@dataclass(frozen=True)
class Palette:
    """Which colours may be drawn; both ranges lie within 0 to 1."""

    saturation: tuple[float, float]
    brightness: tuple[float, float]


def sample_colour(rng: np.random.Generator, palette: Palette) -> Vector:
    """Any hue, with a saturation and a brightness of the given ranges."""
    sector = rng.random() * 6.0
    hue = tuple(min(max(abs((sector + turn) % 6.0 - 3.0) - 1.0, 0.0), 1.0) for turn in (0, 4, 2))
    saturation, value = uniform(rng, *palette.saturation), uniform(rng, *palette.brightness)
    return tuple(255.0 * value * (1.0 - saturation * (1.0 - h)) for h in hue)


def sample_material(
    rng: np.random.Generator,
    contrast: tuple[float, float],
    frequency: tuple[float, float],
    palette: Palette,
    patterns: tuple[str, ...] = PATTERNS,
) -> Material:
    """`contrast`: how far the second colour lies from the first, 0 none, 1 free;
    `frequency`: waves per unit of length."""
    pattern = choice(rng, patterns)
    colour, goal = sample_colour(rng, palette), sample_colour(rng, palette)
    amount = uniform(rng, *contrast)
    other = tuple(a + amount * (b - a) for a, b in zip(colour, goal))
    if pattern in ('checks', 'dots'):
        pitch = uniform(rng, *frequency)
        waves = tuple(scale(axis, pitch) for axis in _AXES)
    else:
        waves = tuple(scale(_direction(rng), uniform(rng, *frequency)) for _ in range(3))
    phases = (rng.random(), rng.random(), rng.random())
    return Material(pattern, colour, other, waves, phases)


def _direction(rng: np.random.Generator) -> Vector:
    while True:
        x, y, z = (uniform(rng, -1.0, 1.0) for _ in range(3))
        if 0.04 < x * x + y * y + z * z < 1.0:
            return unit((x, y, z))


def _swing(material: Material, wave: int, x, y, z):
    """A smooth wave between -1 and 1, of parabolas instead of sines."""
    a, b, c = material.waves[wave]
    s = x * a + y * b + z * c + material.phases[wave]
    s = s - np.floor(s)
    s = s + s - 1.0
    return 4.0 * s * (1.0 - abs(s))


def _clamp(value):
    return np.minimum(np.maximum(value, np.float32(0)), np.float32(1))


def pattern_value(material: Material, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """How much of the second colour shows at the points (x, y, z), between 0 and 1."""
    pattern = material.pattern
    if pattern == 'plain':
        return np.zeros_like(x)
    if pattern == 'gradient':
        a, b, c = unit(material.waves[0])
        return _clamp(0.5 + (x * a + y * b + z * c))
    first = _swing(material, 0, x, y, z)
    if pattern == 'stripes':
        return _clamp(0.5 + 2.0 * first)
    second = _swing(material, 1, x, y, z)
    if pattern == 'checks':
        return _clamp(0.5 + 4.0 * (first * second))
    third = _swing(material, 2, x, y, z)
    if pattern == 'dots':
        return _clamp(2.0 * (first * first + second * second + third * third) - 2.2)
    return _clamp(0.5 + 0.6 * (first * second + third))
