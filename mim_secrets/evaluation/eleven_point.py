"""VOC 2007's average precision: precision at eleven recalls, which is not the area."""

import torch
from mmpretrain.evaluation import VOCAveragePrecision

from mim_secrets.registry import METRICS


@METRICS.register_module()
class ElevenPointPrecision(VOCAveragePrecision):
    """The mean over classes of the 11-point average precision, in percent, as ``mAP``.

    Images that show a class in difficult objects only do not count for it, as in VOC's
    own evaluation, and a class that no image shows has no precision and is left out.
    mmpretrain's ``VOCAveragePrecision`` is the area under the curve, as from VOC 2010.
    """

    default_prefix = 'eleven-point'

    @staticmethod
    def calculate(
        pred: torch.Tensor, target: torch.Tensor, average: str | None = 'macro'
    ) -> torch.Tensor:
        """Of scores and targets (N, C); targets are 1, 0, or -1 for what does not count."""
        each = torch.stack([eleven_point(*column) for column in zip(pred.T, target.T)])
        return 100 * (each if average is None else each.nanmean())


def eleven_point(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Of one class: the mean over recalls 0, 0.1, ..., 1 of the best precision that is
    reached there or beyond; not a number without positives. Scores and targets are (N,).
    """
    counts = targets >= 0
    order = scores[counts].argsort(descending=True, stable=True)
    hits = (targets[counts][order] == 1).double().cumsum(0)
    if not len(hits) or not hits[-1]:
        return torch.tensor(torch.nan, dtype=torch.float64)
    precision = hits / torch.arange(1, len(hits) + 1, device=hits.device)
    best = precision.flip(0).cummax(0).values.flip(0)
    # in whole numbers: as fractions, 3 of 10 is less than 0.1 * 3
    levels = torch.arange(11, device=hits.device) * hits[-1]
    return best[torch.searchsorted(10 * hits, levels)].mean().cpu()
