"""What a tracker is scored by: curves of one sequence, and what is read off their mean."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from mim_secrets.datasets.tracking import GOT10k
from mim_secrets.datasets.tracking import Sequence as Clip
from mim_secrets.evaluation.tracking_errors import (
    centre_distances,
    last_usable,
    moved,
    normalised_distances,
    overlaps,
    pushed_inside,
    usable,
)

# Quotients of whole numbers: an overlap of 0.15 must not depend on how 0.15 came about.
OVERLAPS = np.arange(21) / 20
PIXELS = np.arange(51)
SHARES = np.arange(51) / 100
AT_20_PIXELS = AT_A_FIFTH = 20  # places in PIXELS and SHARES


@dataclass(frozen=True)
class Curves:
    """Shares of a sequence's frames, at each threshold."""

    name: str
    attributes: tuple[str, ...]
    success: np.ndarray  # (21,) overlap above OVERLAPS
    precision: np.ndarray  # (51,) centres within PIXELS
    norm_precision: np.ndarray  # (51,) centres within SHARES of the true box
    present: float  # frames that have a target


def fit_rows(tracked: np.ndarray, clip: Clip) -> np.ndarray:
    """The result of a tracker as one box a frame; rows behind the last frame are cut."""
    tracked = np.asarray(tracked, dtype=np.float64)
    count = len(clip.frames)
    if tracked.ndim != 2 or tracked.shape[1] != 4 or len(tracked) < count:
        shape = ' x '.join(map(str, tracked.shape))
        raise ValueError(
            f'{clip.name}: the result is {shape} numbers and the sequence has {count} frames; '
            'a result has a row of x, y, w, h for each frame, the first box included.'
        )
    return tracked[:count]


def ope_curves(tracked: np.ndarray, clip: Clip) -> Curves:
    """One-pass evaluation, as LaSOT's toolkit does it.

    The first box is the true one. Frames without a target are never right, whatever is
    tracked there, and still count as frames.
    """
    tracked = fit_rows(tracked, clip).copy()
    tracked[0] = clip.boxes[0]
    tracked = last_usable(tracked)
    present = clip.visible & clip.valid
    errors = (
        np.where(present, overlaps(tracked, clip.boxes), -1)[:, None] > OVERLAPS,
        np.where(present, centre_distances(tracked, clip.boxes), np.inf)[:, None] <= PIXELS,
        np.where(present, normalised_distances(tracked, clip.boxes), np.inf)[:, None] <= SHARES,
    )
    curves = (right.mean(0) for right in errors)
    return Curves(clip.name, tuple(clip.attributes), *curves, float(present.mean()))


def mean_curves(curves: Sequence[Curves], name: str) -> Curves:
    """Every sequence weighs the same, however long it is."""
    kinds = ('success', 'precision', 'norm_precision', 'present')
    means = {kind: np.mean([getattr(c, kind) for c in curves], axis=0) for kind in kinds}
    return Curves(name, (), **means)


def ope_scores(curves: Curves) -> dict[str, float]:
    """Percent; each name says which of several conventions it is."""
    shares = {
        'success_auc': curves.success.mean(),
        'precision_at_20px': curves.precision[AT_20_PIXELS],
        'norm_precision_at_0.2': curves.norm_precision[AT_A_FIFTH],
        'norm_precision_auc_0_to_0.5': curves.norm_precision.mean(),
        'target_present': curves.present,
    }
    return {name: 100 * float(share) for name, share in shares.items()}


@dataclass(frozen=True)
class Overlaps:
    """Those of the frames of a sequence that count, (M,)."""

    name: str
    attributes: tuple[str, ...]
    values: np.ndarray


def got10k_overlaps(tracked: np.ndarray, clip: Clip, size: tuple[int, int]) -> Overlaps:
    """Overlaps in the frames that GOT-10k counts: not the first, and none without cover.

    A row that is no box overlaps with nothing.

    Args:
        tracked: (N, 4).
        clip: Where it has no cover labels, what is visible counts.
        size: Width and height of its frames, into which both boxes are fitted.
    """
    tracked = fit_rows(tracked, clip).copy()
    tracked[~usable(tracked)] = 0
    # the toolkit does so where the first pixel is 1
    boxes = [pushed_inside(moved(b, GOT10k.first_pixel), size) for b in (tracked, clip.boxes)]
    counts = clip.visible & clip.valid if clip.cover is None else np.asarray(clip.cover) > 0
    values = overlaps(*boxes)[1:][counts[1:]]
    return Overlaps(clip.name, tuple(clip.attributes), values)


def pooled_overlaps(results: Sequence[Overlaps]) -> np.ndarray:
    """The frames of all sequences together, so that long ones weigh more."""
    pooled = np.concatenate([result.values for result in results])
    if not len(pooled):
        raise ValueError(
            f'{results[0].name} and the rest: no frame after the first has a target, so there is '
            'nothing to score; check cover.label.'
        )
    return pooled


def got10k_scores(results: Sequence[Overlaps]) -> dict[str, float]:
    """Percent, over the frames of all sequences together."""
    pooled = pooled_overlaps(results)
    shares = {'AO': pooled, 'SR0.5': pooled > 0.5, 'SR0.75': pooled > 0.75}
    return {name: 100 * float(share.mean()) for name, share in shares.items()}


Result = TypeVar('Result', Curves, Overlaps)


def by_attribute(results: Iterable[Result]) -> dict[str, list[Result]]:
    """The sequences that have each attribute, in alphabetical order."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        for attribute in result.attributes:
            groups.setdefault(attribute, []).append(result)
    return dict(sorted(groups.items()))
