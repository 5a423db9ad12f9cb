"""What nine metrics of depth need to know of one picture, and the metrics from that."""

from collections.abc import Sequence

import torch

NAMES = ('d1', 'd2', 'd3', 'abs_rel', 'sq_rel', 'rmse', 'rmse_log', 'log10', 'silog')
# means over pixels, from which the metrics follow, of one picture or of many together
MEANS = ('d1', 'd2', 'd3', 'abs_rel', 'sq_rel', 'square', 'square_log', 'log10', 'log')
STEP = 1.25


def pixel_means(predicted: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Means over pixels, in the order of ``MEANS``.

    Args:
        predicted: (N,) in metres, above 0 and finite; N at least 1.
        true: The same.
    """
    ratio = torch.maximum(predicted / true, true / predicted)
    difference = predicted - true
    log = predicted.log() - true.log()
    log10 = predicted.log10() - true.log10()
    rows = [(ratio < STEP**power).to(true) for power in (1, 2, 3)]
    rows += [difference.abs() / true, difference.square() / true, difference.square()]
    rows += [log.square(), log10.abs(), log]
    return torch.stack([row.mean() for row in rows])


def metrics_from(means: torch.Tensor) -> torch.Tensor:
    """(..., 9) means over pixels to (..., 9) metrics in the order of ``NAMES``."""
    d1, d2, d3, abs_rel, sq_rel, square, square_log, log10, log = means.unbind(-1)
    # rounding may leave a little less than nothing
    silog = (square_log - log.square() / 2).clamp(min=0).sqrt()
    roots = (square.sqrt(), square_log.sqrt(), log10, silog)
    return torch.stack([d1, d2, d3, abs_rel, sq_rel, *roots], dim=-1)


def over_images(means: Sequence[torch.Tensor]) -> torch.Tensor:
    """Every picture has metrics of its own; their plain mean."""
    return metrics_from(torch.stack(list(means))).mean(0)


def over_pixels(means: Sequence[torch.Tensor], counts: Sequence[int]) -> torch.Tensor:
    """All pixels of all pictures together have one value of each metric."""
    weights = torch.tensor(counts, dtype=torch.float64)
    return metrics_from(weights @ torch.stack(list(means)) / weights.sum())
