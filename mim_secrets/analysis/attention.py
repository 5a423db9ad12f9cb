"""What attention modules have in common, whatever they are called.

An adapter turns the inputs of one module into an ``Attention``; from it the
probabilities are computed again, in float32, for some images at a time. The module
itself is left as fast as it is.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch

# Probabilities that exist at once, and their logarithms as well: what a processor's
# caches hold (4 MiB in float32), or enough to keep another device busy.
ELEMENTS_ON_CPU = 1 << 20
ELEMENTS_ELSEWHERE = 1 << 24

# Terms that one product of float32 matrices adds up. Sums of the hundreds of thousands
# that a layer has are wrong by 1e-3 nats.
TERMS_AT_ONCE = 1024


@dataclass(frozen=True)
class Places:
    """Where the N tokens of each of the nW windows lie. A ViT has one window.

    Attributes:
        centres: (nW, N, 2) row and column of a patch's centre in input pixels;
            anything for tokens that are no patch.
        patch: (nW, N) true for patches of the image, false for class tokens, register
            tokens and padding.
        padding: (nW, N) true for what fills a window up; None where nothing does.
        apart: (nW, N, N) true for pairs that a shifted window keeps from seeing each
            other; None where all may.
    """

    centres: torch.Tensor
    patch: torch.Tensor
    padding: torch.Tensor | None = None
    apart: torch.Tensor | None = None

    def distances(self) -> torch.Tensor:
        """(nW, N, N) pixels from patch to patch; 0 for all other pairs."""
        # not by a matrix product: it leaves rounding errors where there is no distance
        between = torch.cdist(
            self.centres, self.centres, compute_mode='donot_use_mm_for_euclid_dist'
        )
        return between.masked_fill_(~(self.patch[:, :, None] & self.patch[:, None, :]), 0.0)

    def queries(self) -> torch.Tensor:
        """(nW, N) tokens that ask: all but padding."""
        return torch.ones_like(self.patch) if self.padding is None else ~self.padding


@dataclass(frozen=True)
class Attention:
    """What an attention module works with, for all images of a batch.

    Attributes:
        query: (B, nW, heads, N, c), scaled: its products with keys are logits.
        key: (B, nW, heads, N, c).
        value: (B, nW, heads, N, c).
        bias: Added to the logits; of any shape that (B, nW, heads, N, N) accepts, or
            None. The part that keeps pairs apart may be in it or not.
        places: Where the tokens lie.
    """

    query: torch.Tensor
    key: torch.Tensor
    value: torch.Tensor
    bias: torch.Tensor | None
    places: Places

    @property
    def num_images(self) -> int:
        return len(self.query)

    def maps(self, images: slice = slice(None)) -> 'Maps':
        """Probabilities of some images, in float32, whatever the model computes in."""
        with torch.autocast(self.query.device.type, enabled=False):
            logits = self.query[images].float() @ self.key[images].float().transpose(-1, -2)
        if self.bias is not None:
            shared = self.bias.ndim < 5 or len(self.bias) == 1
            logits += (self.bias if shared else self.bias[images]).float()
        apart = self.places.apart
        if apart is not None:
            logits.masked_fill_(apart[:, None], -torch.inf)
        logs = logits.log_softmax(dim=-1)
        probabilities = logs.exp()
        if apart is not None:
            # 0 ln 0 is 0
            logs.masked_fill_(apart[:, None], 0.0)
        return Maps(probabilities, logs, self.places)

    def in_pieces(self) -> Iterator['Maps']:
        """Probabilities of all images, of few at a time."""
        _, windows, heads, tokens, _ = self.query.shape
        on_cpu = self.query.device.type == 'cpu'
        most = ELEMENTS_ON_CPU if on_cpu else ELEMENTS_ELSEWHERE
        step = max(1, most // (windows * heads * tokens**2))
        for start in range(0, self.num_images, step):
            yield self.maps(slice(start, start + step))


@dataclass(frozen=True)
class Maps:
    """Attention of some images.

    Attributes:
        probabilities: (b, nW, heads, N, N); each row sums to 1.
        logs: Their logarithms, 0 for pairs that are kept apart.
        places: Where the tokens lie.
    """

    probabilities: torch.Tensor
    logs: torch.Tensor
    places: Places

    @cached_property
    def products(self) -> torch.Tensor:
        """Sum over keys of p_a ln p_b, averaged over queries: (b, heads, heads).

        One matrix product (in parts, see ``TERMS_AT_ONCE``), from which entropies and
        the divergences of all pairs of heads are read.
        """
        probabilities = self.probabilities
        asking = self.places.queries()
        if self.places.padding is not None:
            probabilities = probabilities * asking[:, None, :, None]
        images, windows, heads, *_ = probabilities.shape
        rows, columns = (
            part.flatten(0, 1).flatten(2).split(TERMS_AT_ONCE, dim=2)
            for part in (probabilities, self.logs)
        )
        total = probabilities.new_zeros(images * windows, heads, heads)
        for few_rows, few_columns in zip(rows, columns):
            # in place, which autocast leaves alone
            total.baddbmm_(few_rows, few_columns.transpose(1, 2))
        return total.unflatten(0, (images, windows)).sum(dim=1) / asking.sum()
