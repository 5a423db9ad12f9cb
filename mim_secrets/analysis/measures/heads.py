"""The measures of attention heads: distance, entropy, divergence."""

import numpy as np

from mim_secrets.analysis.attention import Maps
from mim_secrets.analysis.measures.attention import (
    attention_distance,
    divergence,
    entropy,
    uniform_distance,
)
from mim_secrets.analysis.measures.measure import MAPS, PerImage
from mim_secrets.analysis.statistics import estimate
from mim_secrets.analysis.tables import Table

Tables = dict[str, dict[str, Table]]
# For each subject and each of its layers the means (1 + R, ...) of a quantity.
Found = dict[str, list[np.ndarray]]


class HeadMeasure(PerImage):
    """A measure with numbers for every head of every layer."""

    wants = frozenset({MAPS})

    def found(self, what: str) -> Found:
        return {
            name: [self.means(name, layer, what) for layer in range(len(subject.layers))]
            for name, subject in self.subjects.items()
        }

    def table(self, name: str, unit: str, found: Found, *columns: str) -> dict[str, Table]:
        """A row for each layer and whatever the statistics' last axes count."""
        tables = {}
        for subject, layers in found.items():
            places = [
                np.indices(layer.shape[1:]).reshape(layer.ndim - 1, layer[0].size)
                for layer in layers
            ]
            counts = [place.shape[1] for place in places]
            index = dict(
                layer=np.repeat(np.arange(len(layers)), counts),
                stage=np.repeat([layer.stage for layer in self.subjects[subject].layers], counts),
                **dict(zip(columns, np.concatenate(places, axis=1))),
            )
            flat = np.concatenate([layer.reshape(len(layer), -1) for layer in layers], axis=1)
            images = max(int(sums.totals[0]) for key, sums in self.sums.items()
                         if key.startswith(f'{subject}/'))  # fmt: skip
            tables[subject] = Table(name, unit, images, index, estimate(flat))
        return tables

    def heads_and_layers(self, name: str, unit: str, found: Found) -> Tables:
        """A table of heads (layers of (1 + R, heads)), and one of their means."""
        return {
            name: self.table(name, unit, found, 'head'),
            f'{name}_layer': self.table(f'{name}_layer', unit, over_heads(found)),
        }


def over_heads(found: Found) -> Found:
    """Means over all axes but that of the replicates."""
    return {
        name: [layer.reshape(len(layer), -1).mean(axis=1) for layer in layers]
        for name, layers in found.items()
    }


class Distance(HeadMeasure):
    """How far heads look, in input pixels.

    Tables ``distance``, in which attention to class tokens is left out;
    ``distance_renormalised``, of rows made to sum to 1 again; ``distance_relative``,
    as a share of what uniform attention has; and that itself, ``distance_ceiling``.
    """

    name = 'distance'
    watched = ('distance_layer',)

    def see_maps(self, subject: str, layer: int, maps: Maps) -> None:
        plain, whole = attention_distance(maps)
        self.note(subject, layer, 'plain', plain)
        self.note(subject, layer, 'whole', whole)
        # the same for images of one size, but summed like everything else
        uniform, _ = uniform_distance(maps.places)
        self.note(subject, layer, 'uniform', plain.new_full((len(plain), 1), uniform))

    def tables(self) -> Tables:
        plain, uniform = self.found('plain'), self.found('uniform')
        # windows of one patch have no distances
        with np.errstate(invalid='ignore'):
            relative = {
                name: [heads / top for heads, top in zip(layers, uniform[name])]
                for name, layers in plain.items()
            }
        return {
            **self.heads_and_layers('distance', 'px', plain),
            **self.heads_and_layers('distance_renormalised', 'px', self.found('whole')),
            **self.heads_and_layers('distance_relative', 'of uniform', relative),
            'distance_ceiling': self.table('distance_ceiling', 'px', over_heads(uniform)),
        }


class Entropy(HeadMeasure):
    """How broadly heads look, in nats: over all keys, class tokens among them, and all
    queries. Tables ``entropy`` and ``entropy_layer``."""

    name = 'entropy'
    watched = ('entropy_layer',)

    def see_maps(self, subject: str, layer: int, maps: Maps) -> None:
        self.note(subject, layer, 'entropy', entropy(maps))

    def tables(self) -> Tables:
        return self.heads_and_layers('entropy', 'nats', self.found('entropy'))


class Divergence(HeadMeasure):
    """How differently heads look, in nats, over the same keys and queries.

    Tables ``kl``, KL(head || other) of all ordered pairs; ``kl_head``, a head's mean
    over its partners; ``kl_layer``, the mean over all pairs. Layers with one head have
    no pairs: they are missing in the first, and their means are NaN.
    """

    name = 'kl'
    watched = ('kl_layer',)

    def see_maps(self, subject: str, layer: int, maps: Maps) -> None:
        self.note(subject, layer, 'kl', divergence(maps))

    def tables(self) -> Tables:
        pairs = {
            name: [_square(layer) for layer in layers] for name, layers in self.found('kl').items()
        }
        heads = {
            name: [_over_partners(layer) for layer in layers] for name, layers in pairs.items()
        }
        squares = self.table('kl', 'nats', pairs, 'head', 'other')
        return {
            'kl': {
                name: square.only(square.index['head'] != square.index['other'])
                for name, square in squares.items()
            },
            'kl_head': self.table('kl_head', 'nats', heads, 'head'),
            'kl_layer': self.table('kl_layer', 'nats', over_heads(heads)),
        }


def _square(flat: np.ndarray) -> np.ndarray:
    """(1 + R, heads ** 2) to (1 + R, heads, heads)."""
    heads = round(flat.shape[1] ** 0.5)
    return flat.reshape(-1, heads, heads)


def _over_partners(pairs: np.ndarray) -> np.ndarray:
    """(1 + R, heads, heads) to (1 + R, heads); the diagonal is zero."""
    heads = pairs.shape[1]
    with np.errstate(invalid='ignore'):
        return pairs.sum(axis=2) / (heads - 1)
