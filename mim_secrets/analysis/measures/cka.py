"""CKA of layers with layers, inside a model and between models."""

from collections import defaultdict
from itertools import combinations_with_replacement

import numpy as np
import torch

from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.capture import PARTS
from mim_secrets.analysis.measures.kept import BLOCKS, Kept, jackknife, left_out
from mim_secrets.analysis.measures.measure import Group, Measure
from mim_secrets.analysis.measures.similarity import (
    LEAST_IMAGES,
    centre,
    centre_unbiased,
    cka,
    gram,
    hsic_products,
)
from mim_secrets.analysis.statistics import Estimate, copies, estimate
from mim_secrets.analysis.subject import Subject
from mim_secrets.analysis.tables import Table

TOKENS = ('flattened', 'pooled', 'class')
ESTIMATORS = ('minibatch', 'full')
# Features and Gram matrices of all images at once.
MOST_BYTES = 1 << 30
# Groups have numbers of their own: they are not drawn as images of that number are.
SEED_OF_GROUPS = 1
FEW_GROUPS = 10


class CKA(Measure):
    """Linear CKA of all layers with all: tables ``cka``, of pairs of models as well.

    Models may differ in layers, channels, tokens and image size.

    Args:
        part: Whose output is compared: of the ``block``, its ``attention`` or its
            ``mlp``.
        tokens: An image's features are all tokens, class tokens among them, side by
            side (``flattened``); the patches' mean (``pooled``); or the first of the
            tokens that are no patches (``class``).
        estimator: ``minibatch``: the unbiased HSIC_1 of each group of images; numerator
            and denominators are averaged over groups, then divided. In constant memory.
            The groups are resampled for the interval. ``full``: the biased HSIC_0 of
            all images at once, which is the larger the fewer images there are for so
            many features. It keeps all features, so its memory is *not* constant, and
            more than ``MOST_BYTES`` is an error: some 145 images of a ViT-B's flattened
            tokens, some 3000 of its pooled ones. The interval comes from leaving out a
            tenth of the images at a time, see ``kept``.
    """

    name = 'cka'

    def __init__(
        self,
        subjects: dict[str, Subject],
        part: str = 'block',
        tokens: str = 'flattened',
        estimator: str = 'minibatch',
    ) -> None:
        super().__init__(subjects)
        _check('part', part, PARTS)
        _check('tokens', tokens, TOKENS)
        _check('estimator', estimator, ESTIMATORS)
        self.wants = frozenset({part})
        self.part, self.tokens, self.estimator = part, tokens, estimator
        self.layers = [
            (name, layer)
            for name, subject in subjects.items()
            for layer in range(len(subject.layers))
        ]
        self._features: dict[tuple[str, int], list[torch.Tensor]] = defaultdict(list)
        self._grams: dict[tuple[str, int], torch.Tensor] = {}
        self._size: int | None = None
        self._kept = Kept()

    def begin_group(self, group: Group) -> None:
        """Let Gram matrices be made, and features be dropped, while the group passes."""
        self._size = len(group.images)

    def see_tokens(self, subject: str, layer: int, part: str, tokens: Tokens) -> None:
        if part != self.part:
            return
        features, parts = self._features_of(subject, tokens), self._features[subject, layer]
        whole = sum(map(len, parts)) + len(features) == self._size
        if whole and self.estimator == 'minibatch':
            parts.append(features)
            self._make_gram((subject, layer))
        else:
            # what comes after may write into the model's own tensor
            parts.append(features.clone())

    def end_group(self, group: Group) -> None:
        if self.estimator == 'full':
            self._keep(group)
        else:
            for place in list(self._features):
                self._make_gram(place)
            self._add_group(group)
        self._features.clear()
        self._grams.clear()
        self._size = None

    def tables(self) -> dict[str, dict[str, Table]]:
        found, images, notes = self._full() if self.estimator == 'full' else self._minibatch()
        tables = {}
        for one, two in combinations_with_replacement(self.subjects, 2):
            rows, columns = (
                np.array([name == chosen for name, _ in self.layers]) for chosen in (one, two)
            )
            layer, other = np.indices((rows.sum(), columns.sum())).reshape(2, -1)
            values = Estimate(*(numbers[rows][:, columns].ravel() for numbers in found))
            key = one if one == two else f'{one} | {two}'
            index = dict(layer=layer, other=other)
            tables[key] = Table('cka', 'CKA', images, index, values, notes)
        return {'cka': tables}

    def state(self) -> dict[str, np.ndarray]:
        return super().state() | self._kept.state()

    def add_state(self, state: dict[str, np.ndarray]) -> None:
        if self.estimator == 'full':
            self._kept.add_state(state)
        else:
            super().add_state(state)

    def _features_of(self, subject: str, tokens: Tokens) -> torch.Tensor:
        """(b, D)."""
        if self.tokens == 'flattened':
            return tokens.values.flatten(1)
        if self.tokens == 'pooled':
            return tokens.patches().float().mean(dim=1)
        if not tokens.extra:
            raise ValueError(
                f'CKA of class tokens was asked for, but {subject} has none; choose '
                "tokens='pooled' or 'flattened'."
            )
        return tokens.values[:, 0]

    def _make_gram(self, place: tuple[str, int]) -> None:
        parts = self._features.pop(place)
        self._grams[place] = gram(parts[0] if len(parts) == 1 else torch.cat(parts)).cpu()

    def _add_group(self, group: Group) -> None:
        images, places = len(group.images), len(self.layers)
        weights = copies(np.array([group.number]), seed=SEED_OF_GROUPS)
        enough = images >= LEAST_IMAGES
        counts = np.array([[enough, 0 if enough else images]])
        self.sums_of('groups', 2).add(counts, weights)
        if enough:
            grams = centre_unbiased(torch.stack([self._grams[place] for place in self.layers]))
            hsic = hsic_products(grams, grams) / (images * (images - 3))
            # one image counts as much in a group that is not full
            values = hsic.numpy().reshape(1, -1)
            self.sums_of(self._key, places**2).add(values, weights * images)

    @property
    def _key(self) -> str:
        return ' | '.join(self.subjects)

    def _minibatch(self) -> tuple[Estimate, int, tuple[str, ...]]:
        groups, left = (int(count) for count in self.sums['groups'].values[0])
        if not groups:
            raise ValueError(
                f'Unbiased CKA needs groups of {LEAST_IMAGES} images or more, but only '
                f"{left} images were seen; take more, or estimator='full'."
            )
        sums, places = self.sums[self._key], len(self.layers)
        found = cka(sums.means().reshape(-1, places, places))
        if groups > 1:
            values = estimate(found)
        else:
            nothing = np.full_like(found[0], np.nan)
            values = Estimate(found[0], nothing, nothing)
        notes = (f'Unbiased HSIC of {groups} groups of images, averaged before the division.',)
        if groups == 1:
            notes += ('One group has no interval: there was nothing to resample.',)
        elif groups < FEW_GROUPS:
            notes += ('So few groups were resampled that the interval is probably too narrow.',)
        else:
            notes += ('The groups were resampled for the interval.',)
        if left:
            notes += (f'{left} images in groups of fewer than {LEAST_IMAGES} were left out.',)
        return values, int(sums.totals[0]), notes

    def _keep(self, group: Group) -> None:
        for (subject, layer), parts in self._features.items():
            self._kept.add(f'{subject}/{layer}', group.images, torch.cat(parts))
        images = self._kept.count(self._name(0))
        if self._kept.size + 8 * images**2 * len(self.layers) > MOST_BYTES:
            raise ValueError(
                f'CKA of all images at once keeps their features, and those of {images} images '
                f'take more than {MOST_BYTES >> 20} MiB; take fewer images, pooled tokens, or '
                "estimator='minibatch'."
            )

    def _name(self, place: int) -> str:
        subject, layer = self.layers[place]
        return f'{subject}/{layer}'

    def _full(self) -> tuple[Estimate, int, tuple[str, ...]]:
        kept = [self._kept.of(self._name(place)) for place in range(len(self.layers))]
        numbers = kept[0][0]
        grams = torch.stack([gram(features) for _, features in kept])
        without = [_cka_of(grams[:, keep][:, :, keep]) for keep in left_out(numbers)]
        whole = _cka_of(grams)
        spread = np.array(without) if without else np.full((BLOCKS, *whole.shape), np.nan)
        mean, low, high = jackknife(whole, spread)
        notes = (
            'Biased HSIC of all images at once: larger where there are few images.',
            'The interval comes from leaving out a tenth of the images at a time.',
        )
        return Estimate(mean, low.clip(min=0), high.clip(max=1)), len(numbers), notes


def _cka_of(grams: torch.Tensor) -> np.ndarray:
    """(L, L) from Grams (L, n, n) of the same images."""
    grams = centre(grams)
    return cka(hsic_products(grams, grams).numpy())


def _check(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f'CKA has no {option} {value!r}; choose {", ".join(known)}.')
