"""Means with intervals in memory that does not grow with the number of images.

The bootstrap draws images with replacement. Here each image gets, once for all, a
number of copies in each replicate from a Poisson distribution of mean 1, drawn from a
generator of its own (seed, image). So an interval needs the sums of all replicates and
nothing else; sums of parts of the images can be added; and who saw which image when
makes no difference.

Hanley and MacGibbon, "Creating non-parametric bootstrap samples using Poisson
frequencies", Computer Methods and Programs in Biomedicine 2006.
"""

from typing import NamedTuple

import numpy as np

REPLICATES = 400
LEVEL = 0.95


class Estimate(NamedTuple):
    """A mean over images and its 95 % interval; arrays of one shape."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def copies(images: np.ndarray, seed: int = 0, replicates: int = REPLICATES) -> np.ndarray:
    """(1 + R, b) how often each image counts: once, then as each replicate has it.

    Args:
        images: (b,) numbers of images.
    """
    drawn = [
        np.random.Generator(np.random.Philox(key=[seed, int(image)])).poisson(1.0, replicates)
        for image in images
    ]
    drawn = np.stack(drawn, axis=1) if drawn else np.empty((replicates, 0), np.int64)
    return np.concatenate([np.ones((1, len(images))), drawn]).astype(np.float64)


class Sums:
    """Sums over images of one array (K,) an image, for the images and all replicates.

    Attributes:
        totals: (1 + R,) copies seen.
        values: (1 + R, K) their sums.
    """

    def __init__(self, size: int, replicates: int = REPLICATES) -> None:
        self.totals = np.zeros(1 + replicates)
        self.values = np.zeros((1 + replicates, size))

    def add(self, values: np.ndarray, weights: np.ndarray) -> None:
        """Count images (b, K) with ``weights`` (1 + R, b) from ``copies``."""
        self.totals += weights.sum(axis=1)
        self.values += weights @ values.astype(np.float64)

    def merge(self, other: 'Sums') -> None:
        """Count what another process saw."""
        self.totals += other.totals
        self.values += other.values

    def means(self) -> np.ndarray:
        """(1 + R, K): of the images, then of each replicate; NaN for one without images."""
        with np.errstate(invalid='ignore'):
            return self.values / self.totals[:, None]


def estimate(statistic: np.ndarray) -> Estimate:
    """What a statistic (1 + R, ...) of the images and of all replicates says.

    Replicates that say nothing (NaN) do not count; where none says anything, there is
    no interval (NaN).
    """
    replicates = statistic[1:]
    shares = (1 - LEVEL) / 2, (1 + LEVEL) / 2
    edges = np.quantile(replicates, shares, axis=0)
    silent = np.isnan(replicates)
    some = silent.any(axis=0) & ~silent.all(axis=0)
    # for all of them it would be several times slower, and warn where all are NaN
    edges[:, some] = np.nanquantile(replicates[:, some], shares, axis=0)
    return Estimate(statistic[0], *edges)
