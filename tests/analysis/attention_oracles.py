"""Attention to try measures on, and the measures once more, slowly."""

import math
from itertools import product

import numpy as np
import torch

from mim_secrets.analysis.attention import Attention, Places


def grid_places(rows: int, columns: int, stride: float, extra: int = 0, windows: int = 1) -> Places:
    """Windows side by side, each behind ``extra`` tokens that are no patch."""
    centres = torch.full((windows, extra + rows * columns, 2), torch.nan)
    for window, (row, column) in product(range(windows), product(range(rows), range(columns))):
        spot = torch.tensor([row + 0.5, column + window * columns + 0.5])
        centres[window, extra + row * columns + column] = spot * stride
    return Places(centres, ~centres.isnan().any(dim=-1))


def shifted_places() -> Places:
    """A map of 7 x 6, padded to 8 x 8, rolled by 2, in windows of 4 x 4."""
    spots = np.stack(np.meshgrid(range(8), range(8), indexing='ij'), axis=-1)
    rolled = np.roll(spots, (-2, -2), (0, 1))
    windows = [
        rolled[row : row + 4, column : column + 4].reshape(16, 2)
        for row, column in product((0, 4), (0, 4))
    ]
    spots = torch.from_numpy(np.stack(windows))
    patch = (spots < torch.tensor([7, 6])).all(dim=-1)
    apart = ((spots[:, :, None] - spots[:, None]).abs() >= 4).any(dim=-1)
    return Places((spots + 0.5) * 8, patch, ~patch, apart)


def of_logits(logits: torch.Tensor, places: Places) -> Attention:
    """Attention of one image whose logits (nW, heads, N, N) are all bias."""
    nothing = torch.zeros(1, *logits.shape[:3], 1)
    return Attention(nothing, nothing, nothing, logits, places)


def random_attention(places: Places, images: int = 2, heads: int = 3, seed: int = 0) -> Attention:
    windows, tokens = places.patch.shape
    generator = torch.Generator().manual_seed(seed)
    query, key, value = torch.randn(3, images, windows, heads, tokens, 5, generator=generator)
    bias = torch.randn(heads, tokens, tokens, generator=generator)
    return Attention(query, key, value, bias, places)


def float64_maps(of: Attention) -> torch.Tensor:
    logits = of.query.double() @ of.key.double().transpose(-1, -2)
    return (logits if of.bias is None else logits + of.bias.double()).softmax(dim=-1)


class Slow:
    """The measures of one image in float64, query by query and key by key."""

    def __init__(self, of: Attention, image: int) -> None:
        query, key = (part[image].double().numpy() for part in (of.query, of.key))
        self.windows, self.heads, self.tokens, _ = query.shape
        bias = np.broadcast_to(of.bias.double().numpy(), (*query.shape[:3], self.tokens))
        nobody = torch.zeros(self.windows, self.tokens, self.tokens, dtype=torch.bool)
        self.apart = nobody if of.places.apart is None else of.places.apart
        self.places = of.places
        self.logs = {
            (window, head, i): self.row(query[window, head, i], key[window, head],
                                        bias[window, head, i], self.apart[window, i])
            for window, head, i in np.ndindex(query.shape[:3])
        }  # fmt: skip

    def row(
        self, query: np.ndarray, keys: np.ndarray, bias: np.ndarray, apart: torch.Tensor
    ) -> dict[int, float]:
        """Log probabilities of the keys that a query sees."""
        logits = {j: float(query @ keys[j] + bias[j]) for j in range(self.tokens) if not apart[j]}
        top = max(logits.values())
        total = top + math.log(sum(math.exp(logit - top) for logit in logits.values()))
        return {j: logit - total for j, logit in logits.items()}

    def distances(self, head: int) -> tuple[float, float]:
        """Of rows as they are, and made to sum to 1."""
        plain, whole = [], []
        patch, centres = self.places.patch.numpy(), self.places.centres.double().numpy()
        for window, i in zip(*patch.nonzero()):
            far = left = 0.0
            for j, log in self.logs[window, head, i].items():
                if patch[window, j]:
                    far += math.exp(log) * math.dist(centres[window, i], centres[window, j])
                    left += math.exp(log)
            plain.append(far)
            whole.append(far / left)
        return np.mean(plain), np.mean(whole)

    def asking(self) -> list[tuple[int, int]]:
        padding = self.places.padding
        everybody = np.ndindex(self.windows, self.tokens)
        return [(w, i) for w, i in everybody if padding is None or not padding[w, i]]

    def entropy(self, head: int) -> float:
        rows = [self.logs[window, head, i].values() for window, i in self.asking()]
        return np.mean([-sum(math.exp(log) * log for log in row) for row in rows])

    def divergence(self, head: int, other: int) -> float:
        rows = []
        for window, i in self.asking():
            mine, theirs = self.logs[window, head, i], self.logs[window, other, i]
            rows.append(sum(math.exp(mine[j]) * (mine[j] - theirs[j]) for j in mine))
        return np.mean(rows)
