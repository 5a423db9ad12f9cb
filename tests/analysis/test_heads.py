"""Tables of distance, entropy and divergence from attention that is known."""

import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mim_secrets.analysis.adapters.protocol import Layer
from mim_secrets.analysis.attention import Attention, Maps
from mim_secrets.analysis.measures.attention import (
    attention_distance,
    divergence,
    entropy,
    uniform_distance,
)
from mim_secrets.analysis.measures.heads import Distance, Divergence, Entropy, HeadMeasure
from mim_secrets.analysis.measures.measure import Group, Measure, PerImage
from mim_secrets.analysis.statistics import REPLICATES, copies
from mim_secrets.analysis.subject import Subject
from tests.analysis.attention_oracles import grid_places

# heads, stage, windows, side of a window, pixels per token, class tokens
SWIN = [(1, 0, 4, 3, 4, 0), (2, 0, 4, 3, 4, 0), (3, 1, 1, 4, 8, 1), (4, 2, 1, 2, 16, 0)]
MEASURES = [Distance, Entropy, Divergence]


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        yield


def subject(name: str = 'swin', layers: list[tuple[int, ...]] = SWIN) -> Subject:
    """Nothing but the layers matters to a measure of maps."""
    part = nn.Identity()
    made = [
        Layer(f'layers.{number}', heads, stride, stage, part, part, part, part)
        for number, (heads, stage, _, _, stride, _) in enumerate(layers)
    ]
    return Subject(name, '', part, part, part, None, made, 32, (0, 0, 0), (1, 1, 1))


def attentions(images: int, seed: int = 0, layers: list[tuple[int, ...]] = SWIN) -> list[Attention]:
    """Of each layer."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for heads, _, windows, side, stride, extra in layers:
        places = grid_places(side, side, stride, extra, windows)
        shape = images, windows, heads, side**2 + extra, 4
        parts = torch.randn(3, *shape, generator=generator)
        made.append(Attention(*parts, None, places))
    return made


def look(
    measure: Measure,
    group: Group,
    layers: list[Attention],
    cuts: Iterable[int] = (),
    name: str = 'swin',
) -> None:
    """Take a group past a measure, in batches that end at ``cuts``."""
    edges = [0, *cuts, len(group.images)]
    for start, stop in zip(edges, edges[1:]):
        for number, layer in enumerate(layers):
            measure.see_maps(name, number, layer.maps(slice(start, stop)))
    measure.end_group(group)


def run(kind: type[HeadMeasure], images: int = 7, seed: int = 0, **options: object) -> HeadMeasure:
    measure = kind({'swin': subject()})
    look(measure, Group(0, np.arange(images)), attentions(images, seed), **options)
    return measure


def assert_same_tables(one: Measure, other: Measure, tolerance: float) -> None:
    mine, theirs = one.tables(), other.tables()
    assert list(mine) == list(theirs)
    for name, tables in mine.items():
        assert list(tables) == list(theirs[name])
        for key, table in tables.items():
            assert table.images == theirs[name][key].images
            for numbers, others in zip(table.values, theirs[name][key].values, strict=True):
                np.testing.assert_allclose(numbers, others, rtol=tolerance, atol=tolerance)


def replicate_means(values: np.ndarray) -> np.ndarray:
    """(1 + R, K) of values (n, K) of images 0 to n - 1, one replicate after the other."""
    weights = copies(np.arange(len(values)))
    return np.stack(
        [
            (row[:, None] * values).sum(axis=0) / row.sum() if row.sum() else values[0] * np.nan
            for row in weights
        ]
    )


@pytest.mark.parametrize('cuts', [(3,), (1, 2, 3, 4, 5, 6)])
@pytest.mark.parametrize('kind', MEASURES)
def test_batches_change_nothing(kind: type[HeadMeasure], cuts: tuple[int, ...]) -> None:
    """Breaks when numbers are averaged over a batch before they meet an image's copies."""
    assert_same_tables(run(kind), run(kind, cuts=cuts), 1e-6)


@pytest.mark.parametrize('kind', MEASURES)
def test_order_of_groups_changes_nothing(kind: type[HeadMeasure]) -> None:
    """Breaks when a group's images are counted with the copies of another group's."""
    groups = [Group(0, np.arange(4)), Group(1, np.arange(4, 9))]
    layers = [attentions(4, seed=1), attentions(5, seed=2)]
    forth, back = kind({'swin': subject()}), kind({'swin': subject()})
    for number in (0, 1):
        look(forth, groups[number], layers[number])
        look(back, groups[1 - number], layers[1 - number])
    for name, numbers in forth.state().items():
        np.testing.assert_array_equal(numbers, back.state()[name])
    for sums in forth.sums.values():
        np.testing.assert_array_equal(sums.totals, copies(np.arange(9)).sum(axis=1))
    assert {table.images for tables in forth.tables().values() for table in tables.values()} == {9}


@pytest.mark.parametrize('kind', MEASURES)
def test_states_of_processes_add_up(kind: type[HeadMeasure], tmp_path: Path) -> None:
    """Breaks when a state lacks something, cannot be kept in a file, or is added wrongly."""
    groups = [Group(number, np.arange(3 * number, 3 * number + 3)) for number in range(3)]
    layers = [attentions(3, seed=number) for number in range(3)]
    whole, first, second = (kind({'swin': subject()}) for _ in range(3))
    for number in range(3):
        look(whole, groups[number], layers[number])
        look(second if number == 1 else first, groups[number], layers[number])
    together = kind({'swin': subject()})
    for number, part in enumerate((first, second)):
        np.savez(tmp_path / f'{number}.npz', **part.state())
        with np.load(tmp_path / f'{number}.npz') as state:
            together.add_state(dict(state))
    assert set(together.state()) == set(whole.state())
    assert_same_tables(together, whole, 1e-12)


@pytest.mark.parametrize('kind', MEASURES)
def test_state_does_not_grow(kind: type[HeadMeasure]) -> None:
    """Breaks when a measure keeps something of each image or of each group."""
    measure = kind({'swin': subject()})
    sizes = set()
    for number in range(4):
        layers = attentions(2 + number)
        look(measure, Group(number, np.arange(2 + number) + 10 * number), layers)
        sizes.add(sum(numbers.nbytes for numbers in measure.state().values()))
        assert not measure._noted
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ('kind', 'name', 'unit', 'quantity'),
    [
        (Distance, 'distance', 'px', lambda maps: attention_distance(maps)[0]),
        (Distance, 'distance_renormalised', 'px', lambda maps: attention_distance(maps)[1]),
        (
            Distance,
            'distance_relative',
            'of uniform',
            lambda maps: attention_distance(maps)[0] / uniform_distance(maps.places)[0],
        ),
        (Entropy, 'entropy', 'nats', entropy),
    ],
)
def test_tables_of_heads_and_layers(
    kind: type[HeadMeasure], name: str, unit: str, quantity: Callable[[Maps], torch.Tensor]
) -> None:
    """Breaks when a row says another head, layer or stage than it is about, or a mean or
    an interval is not that of the images."""
    tables = run(kind).tables()
    heads, layers = tables[name]['swin'], tables[f'{name}_layer']['swin']
    assert (heads.name, layers.name) == (name, f'{name}_layer')
    assert (heads.unit, heads.images, layers.unit, layers.images) == (unit, 7, unit, 7)
    assert list(heads.index) == ['layer', 'stage', 'head']
    assert heads.index['layer'].tolist() == [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    assert heads.index['stage'].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 2]
    assert heads.index['head'].tolist() == [0, 0, 1, 0, 1, 2, 0, 1, 2, 3]
    assert list(layers.index) == ['layer', 'stage']
    assert layers.index['layer'].tolist() == [0, 1, 2, 3]
    assert layers.index['stage'].tolist() == [0, 0, 1, 2]
    for layer, attention in enumerate(attentions(7)):
        replicates = replicate_means(quantity(attention.maps()).double().numpy())
        for table, expected in (
            (heads.where(layer=layer), replicates),
            (layers.where(layer=layer), replicates.mean(axis=1, keepdims=True)),
        ):
            ends = np.nanquantile(expected[1:], [0.025, 0.975], axis=0)
            for numbers, right in zip(table.values, (expected[0], *ends), strict=True):
                np.testing.assert_allclose(numbers, right, rtol=1e-6)


def test_ceiling_of_each_stage() -> None:
    """Breaks when the ceiling is that of another window or stride, or has a width."""
    ceiling = run(Distance).tables()['distance_ceiling']['swin']
    assert ceiling.index['stage'].tolist() == [0, 0, 1, 2]
    expected = [uniform_distance(attention.places)[0] for attention in attentions(1)]
    for numbers in ceiling.values:
        np.testing.assert_allclose(numbers, expected, rtol=1e-12)
    # two by two: none, one step twice, and the diagonal
    assert ceiling.values.mean[3] == pytest.approx(16 * (2 + 2**0.5) / 4)


def test_windows_of_one_patch_have_no_relative_distance() -> None:
    """Breaks when 0 / 0 is loud, or anything but NaN."""
    small = [(2, 0, 4, 1, 4, 0)]
    measure = Distance({'swin': subject(layers=small)})
    look(measure, Group(0, np.arange(2)), attentions(2, layers=small))
    tables = measure.tables()
    assert (tables['distance']['swin'].values.mean == 0).all()
    assert np.isnan(np.stack(tables['distance_relative']['swin'].values)).all()


def test_tables_of_pairs() -> None:
    """Breaks when heads of a pair change places, when a head counts as its own partner, or
    a mean is not over all ordered pairs."""
    tables = run(Divergence).tables()
    pairs, heads, layers = (tables[name]['swin'] for name in ('kl', 'kl_head', 'kl_layer'))
    assert list(pairs.index) == ['layer', 'stage', 'head', 'other']
    assert list(heads.index) == ['layer', 'stage', 'head']
    assert list(layers.index) == ['layer', 'stage']
    assert {table.unit for table in (pairs, heads, layers)} == {'nats'}
    assert np.bincount(pairs.index['layer'], minlength=4).tolist() == [0, 2, 6, 12]
    assert np.bincount(heads.index['layer']).tolist() == [1, 2, 3, 4]
    for layer, attention in list(enumerate(attentions(7)))[1:]:
        found = divergence(attention.maps()).double().numpy().mean(axis=0)
        for row in pairs.where(layer=layer).rows():
            assert row['head'] != row['other']
            assert row['mean'] == pytest.approx(found[row['head'], row['other']], rel=1e-6)
        several = ~np.eye(len(found), dtype=bool)
        partners = np.stack([found[head, several[head]] for head in range(len(found))])
        np.testing.assert_allclose(
            heads.where(layer=layer).values.mean, partners.mean(axis=1), rtol=1e-6
        )
        mean = layers.where(layer=layer).values.mean
        np.testing.assert_allclose(mean, [found[several].mean()], rtol=1e-6)


def test_interval_of_a_layers_divergence() -> None:
    """Breaks when an interval is made of intervals of pairs, not of their mean."""
    table = run(Divergence).tables()['kl_layer']['swin'].where(layer=2)
    pairs = divergence(attentions(7)[2].maps()).double().numpy()
    replicates = replicate_means(pairs.sum(axis=(1, 2), keepdims=True)[:, 0] / 6)
    ends = np.nanquantile(replicates[1:], [0.025, 0.975])
    np.testing.assert_allclose(np.ravel(table.values), [replicates[0].item(), *ends], rtol=1e-6)


def test_a_layer_with_one_head_has_no_divergence() -> None:
    """Breaks when it counts as 0, as if heads were alike, or there is a warning."""
    tables = run(Divergence).tables()
    assert len(tables['kl']['swin'].where(layer=0)) == 0
    for name in ('kl_head', 'kl_layer'):
        alone = np.stack(tables[name]['swin'].where(layer=0).values)
        others = np.stack(tables[name]['swin'].values)[:, tables[name]['swin'].index['layer'] > 0]
        assert np.isnan(alone).all()
        assert (others > 0).all()


@pytest.mark.parametrize('kind', MEASURES)
def test_models_do_not_mix(kind: type[HeadMeasure]) -> None:
    """Breaks when numbers of one model get to another, of other depth and heads."""
    vit = [(2, 0, 1, 4, 16, 1)] * 5
    names = {'swin': subject(), 'vit': subject('vit', vit)}
    both, alone = kind(names), kind({'vit': names['vit']})
    group = Group(0, np.arange(3))
    for number, attention in enumerate(attentions(3)):
        both.see_maps('swin', number, attention.maps())
    look(both, group, attentions(3, seed=1, layers=vit), name='vit')
    look(alone, group, attentions(3, seed=1, layers=vit), name='vit')
    for name, tables in both.tables().items():
        assert list(tables) == ['swin', 'vit']
        for mine, theirs in zip(tables['vit'].values, alone.tables()[name]['vit'].values):
            np.testing.assert_array_equal(mine, theirs)


class Brightness(PerImage):
    """Notes what it is given."""

    name, wants = 'brightness', frozenset()

    def see_maps(self, subject: str, layer: int, maps: Maps) -> None:
        self.note(subject, layer, 'single', maps.probabilities.amax(dim=(1, 2, 3, 4)))
        self.note(subject, layer, 'square', maps.probabilities[:, 0, 0, :2, :2])


def test_numbers_of_any_shape_can_be_noted() -> None:
    """Breaks when one number for each image needs another form than several do."""
    measure = Brightness({'swin': subject()})
    attention = attentions(5)[0]
    look(measure, Group(0, np.arange(5)), [attention], cuts=(2,))
    seen = attention.maps().probabilities.double()
    single, square = (measure.means('swin', 0, what) for what in ('single', 'square'))
    assert (single.shape, square.shape) == ((1 + REPLICATES, 1), (1 + REPLICATES, 4))
    np.testing.assert_allclose(single[0, 0], seen.amax(dim=(1, 2, 3, 4)).mean(), rtol=1e-6)
    np.testing.assert_allclose(square[0], seen[:, 0, 0, :2, :2].mean(dim=0).ravel(), rtol=1e-6)
