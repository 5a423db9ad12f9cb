"""How many directions the features of a layer take."""

import numpy as np
import torch

from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.measures.kept import BLOCKS, Kept, jackknife, left_out
from mim_secrets.analysis.measures.measure import Group, Measure
from mim_secrets.analysis.statistics import Estimate
from mim_secrets.analysis.subject import Subject
from mim_secrets.analysis.tables import Table

# The first images are taken, so that memory does not grow with the others: 38 MB for
# a ViT-B. The rank depends on their number anyway.
MOST_IMAGES = 1024


def effective_rank(moments: torch.Tensor) -> torch.Tensor:
    """exp of the entropy of singular values made to sum to 1, from moments (..., C, C).

    Garrido et al., "RankMe: Assessing the Downstream Performance of Pretrained
    Self-Supervised Representations by Their Rank", ICML 2023. Features are not centred.

    Args:
        moments: Products X^T X of features X (n, C), in float64.
    """
    values = torch.linalg.eigvalsh(moments).clamp(min=0).sqrt()
    share = values / values.sum(dim=-1, keepdim=True)
    return torch.special.entr(share).sum(dim=-1).exp()


def rank_interval(numbers: np.ndarray, features: torch.Tensor) -> Estimate:
    """Effective rank of features (n, C) of the images with ``numbers``, a scalar."""
    features = features.double()
    if len(features) < features.shape[1]:
        # the same singular values, from the smaller matrix
        products = features @ features.T
        moments = [products] + [products[keep][:, keep] for keep in left_out(numbers)]
    else:
        whole = features.T @ features
        outside = [features[~keep] for keep in left_out(numbers)]
        moments = [whole] + [whole - block.T @ block for block in outside]
    ranks = np.array([effective_rank(matrix).item() for matrix in moments])
    without = ranks[1:] if len(ranks) > 1 else np.full(BLOCKS, np.nan)
    return jackknife(ranks[0], without)


class Rank(Measure):
    """RankMe of each layer: its patches' mean, for the first ``MOST_IMAGES`` images.

    Table ``rank``. No more than the number of images or of channels; only ranks of
    equally many images can be compared. The interval comes from leaving out a tenth of
    the images at a time, see ``kept``.
    """

    name = 'rank'
    wants = frozenset({'block'})

    def __init__(self, subjects: dict[str, Subject]) -> None:
        super().__init__(subjects)
        self._kept = Kept()
        self._passing: dict[str, list[torch.Tensor]] = {}

    def see_tokens(self, subject: str, layer: int, part: str, tokens: Tokens) -> None:
        pooled = tokens.patches().float().mean(dim=1).cpu()
        self._passing.setdefault(f'{subject}/{layer}', []).append(pooled)

    def end_group(self, group: Group) -> None:
        first = group.images < MOST_IMAGES
        for name, parts in self._passing.items():
            self._kept.add(name, group.images[first], torch.cat(parts)[first])
        self._passing.clear()

    def tables(self) -> dict[str, dict[str, Table]]:
        return {'rank': {name: self._table(name) for name in self.subjects}}

    def state(self) -> dict[str, np.ndarray]:
        return self._kept.state()

    def add_state(self, state: dict[str, np.ndarray]) -> None:
        self._kept.add_state(state)

    def _table(self, subject: str) -> Table:
        layers = self.subjects[subject].layers
        kept = [self._kept.of(f'{subject}/{number}') for number in range(len(layers))]
        found = [rank_interval(numbers, features) for numbers, features in kept]
        return Table(
            'rank',
            'directions',
            len(kept[0][0]),
            dict(layer=np.arange(len(layers)), stage=np.array([layer.stage for layer in layers])),
            Estimate(*(np.array(column) for column in zip(*found))),
            ('The rank grows with the number of images and of channels: compare equal ones.',
             'The interval comes from leaving out a tenth of the images at a time.'),
        )  # fmt: skip
