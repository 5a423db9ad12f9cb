"""Colours that stay apart, for readers with and without red-green blindness."""

import functools
import itertools

import numpy as np

# Okabe and Ito's, without their black
FIRST = ('e69f00', '56b4e9', '009e73', 'f0e442', '0072b2', 'd55e00', 'cc79a7')
MOST = 256  # further classes begin again
# What is left of linear RGB without red-sensitive and without green-sensitive cones;
# Machado, Oliveira and Fernandes, 2009, table 1, severity 1.0.
VISIONS = np.array(
    [
        np.eye(3),
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
    ]
)
# From linear RGB to Oklab; Ottosson, 2020.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@functools.cache
def class_colours() -> np.ndarray:
    """(MOST, 3) uint8 RGB, the same for the same class always.

    Okabe and Ito's come first. Each next colour is the one farthest from all before it,
    in the eyes of whoever sees the smallest difference.
    """
    steps = np.linspace(0, 255, 10).round().astype(np.uint8)
    candidates = np.array(list(itertools.product(steps, repeat=3)))
    lightness = _seen(candidates)[0, :, 0]
    candidates = candidates[(lightness > 0.35) & (lightness < 0.95)]
    chosen = [np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)], np.uint8) for code in FIRST]
    seen = _seen(candidates)
    nearest = np.full(len(candidates), np.inf)
    for colour in chosen:
        nearest = np.minimum(nearest, _distance(seen, colour))
    while len(chosen) < MOST:
        chosen.append(candidates[nearest.argmax()])
        nearest = np.minimum(nearest, _distance(seen, chosen[-1]))
    return np.array(chosen)


def smallest_difference(colours: np.ndarray) -> float:
    """Of any two of (N, 3) uint8 RGB, to any eyes; black and white are 1 apart."""
    seen = _seen(colours)
    distances = np.linalg.norm(seen[:, :, None] - seen[:, None], axis=-1)
    distances[:, range(len(colours)), range(len(colours))] = np.inf
    return float(distances.min())


def _distance(seen: np.ndarray, colour: np.ndarray) -> np.ndarray:
    """(V, N, 3) to (N,), the least over all kinds of eyes."""
    return np.linalg.norm(seen - _seen(colour[None]), axis=-1).min(axis=0)


def _seen(colours: np.ndarray) -> np.ndarray:
    """(N, 3) uint8 RGB as Oklab (V, N, 3), once for each kind of eyes."""
    values = np.asarray(colours) / 255
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    linear = np.clip(np.einsum('vij,nj->vni', VISIONS, linear), 0, 1)
    return np.cbrt(linear @ _CONES.T) @ _LAB.T
