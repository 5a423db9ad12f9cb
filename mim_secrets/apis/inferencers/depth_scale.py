"""Metres to colours that get brighter towards the viewer, for readers of all eyes."""

import functools
import math

import numpy as np

STEPS = 256
MOST_TICKS = 8


@functools.cache
def depth_colours() -> np.ndarray:
    """(STEPS, 3) uint8 RGB, from the nearest to the farthest.

    Matplotlib's inferno, whose lightness falls all the way with and without red- and
    green-sensitive cones; a map of rainbow colours has the same lightness several times.
    """
    from matplotlib import colormaps  # not for those who draw no depth

    colours = colormaps['inferno'](np.linspace(1, 0, STEPS))[:, :3]
    return (255 * colours).round().astype(np.uint8)


def is_depth(metres: np.ndarray) -> np.ndarray:
    """Where a map holds a depth; elsewhere are zeros, infinities, or no numbers."""
    return np.isfinite(metres) & (metres > 0)


def span(metres: np.ndarray) -> tuple[float, float] | None:
    """The nearest and the farthest depth of a map, or nothing where it has none."""
    known = metres[is_depth(metres)]
    return (float(known.min()), float(known.max())) if known.size else None


def coloured(metres: np.ndarray, nearest: float, farthest: float) -> np.ndarray:
    """(H, W) to uint8 RGB (H, W, 3); what lies beyond has the colour of that end."""
    share = (metres - nearest) / max(farthest - nearest, np.finfo(np.float32).tiny)
    share = np.nan_to_num(share, nan=1.0).clip(0, 1)
    return depth_colours()[(share * (STEPS - 1)).round().astype(int)]


def ticks(nearest: float, farthest: float) -> list[float]:
    """Round numbers of metres from one to the other, at most ``MOST_TICKS``."""
    width = (farthest - nearest) / MOST_TICKS
    if width <= 0:
        return [nearest]
    power = 10.0 ** math.floor(math.log10(width))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= width)
    first, last = math.ceil(nearest / step - 1e-6), math.floor(farthest / step + 1e-6)
    return [number * step for number in range(first, last + 1)]
