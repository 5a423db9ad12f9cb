"""CKA beside closed forms, the textbook's traces, and features instead of Grams."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.measures import cka as cka_module
from mim_secrets.analysis.measures.cka import CKA
from mim_secrets.analysis.measures.measure import Group
from mim_secrets.analysis.measures.similarity import (
    centre,
    centre_unbiased,
    cka,
    gram,
    hsic_products,
)

LAYERS = dict(one=3, two=2)
WIDTHS = dict(one=8, two=6)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def subjects() -> dict:
    return {
        name: SimpleNamespace(layers=[SimpleNamespace(stage=0)] * count)
        for name, count in LAYERS.items()
    }


def features(images: int, seed: int = 0) -> dict[tuple[str, int], Tokens]:
    """Tokens of both subjects' layers; layers have something in common."""
    shared = noise(images, 5, 4, seed=seed)
    found = {}
    for number, (name, layer) in enumerate((n, k) for n, c in LAYERS.items() for k in range(c)):
        turn = noise(4, WIDTHS[name], seed=100 + number)
        own = noise(images, 5, WIDTHS[name], seed=1000 * (seed + 1) + number)
        found[name, layer] = Tokens((shared @ turn + own).float(), 1, (2, 2))
    return found


def show(measure: CKA, found: dict, sizes: list[int], batch: int, first: int = 0) -> CKA:
    """Groups of ``sizes`` images in batches, numbered from ``first``."""
    start = 0
    for number, size in enumerate(sizes):
        group = Group(first + number, np.arange(start, start + size))
        for name in LAYERS:
            for cut in range(start, start + size, batch):
                end = min(cut + batch, start + size)
                for layer in range(LAYERS[name]):
                    tokens = found[name, layer]
                    part = tokens._replace(values=tokens.values[cut:end])
                    measure.see_tokens(name, layer, 'block', part)
        measure.end_group(group)
        start += size
    return measure


def matrices(measure: CKA) -> dict[str, np.ndarray]:
    """Of each pair of models the means, layers x layers."""
    tables = measure.tables()['cka']
    return {
        key: table.values.mean.reshape(table.index['layer'].max() + 1, -1)
        for key, table in tables.items()
    }


def textbook_hsic(x: np.ndarray, y: np.ndarray) -> float:
    """The unbiased HSIC by its formula of traces."""
    n, one = len(x), np.ones(len(x))
    k, l = x @ x.T, y @ y.T  # noqa: E741
    np.fill_diagonal(k, 0)
    np.fill_diagonal(l, 0)
    trace = np.trace(k @ l) + (one @ k @ one) * (one @ l @ one) / ((n - 1) * (n - 2))
    return (trace - 2 / (n - 2) * (one @ k @ l @ one)) / (n * (n - 3))


def textbook_cka(x: np.ndarray, y: np.ndarray) -> float:
    """The biased CKA from features, without a Gram matrix."""
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    products = np.linalg.norm(x.T @ y) ** 2
    return products / np.linalg.norm(x.T @ x) / np.linalg.norm(y.T @ y)


def test_centred_grams_give_the_textbooks_hsic() -> None:
    """Breaks when U-centring forgets the diagonal, or H-centring a mean."""
    x, y = noise(9, 4) + 3, noise(9, 7, seed=1) - 2
    both = torch.stack([gram(x), gram(y)])
    unbiased = centre_unbiased(both)
    products = hsic_products(unbiased, unbiased) / (9 * 6)
    expected = [[textbook_hsic(a.numpy(), b.numpy()) for b in (x, y)] for a in (x, y)]
    np.testing.assert_allclose(products, expected, rtol=1e-5)
    biased = centre(both)
    found = cka(hsic_products(biased, biased).numpy())
    np.testing.assert_allclose(found[0, 1], textbook_cka(x.numpy(), y.numpy()), rtol=1e-5)


@pytest.mark.parametrize('centring', [centre, centre_unbiased])
def test_a_turn_and_a_scale_do_not_matter(centring) -> None:
    """Breaks when CKA of features with themselves, turned, scaled and moved, is not 1."""
    x = noise(20, 12)
    turn = torch.linalg.qr(noise(12, 12, seed=3))[0]
    grams = centring(torch.stack([gram(x), gram(x @ turn * 7 + 5)]))
    np.testing.assert_allclose(cka(hsic_products(grams, grams).numpy()), 1, atol=1e-6)


def test_noise_is_like_noise_only_with_a_bias() -> None:
    """Breaks when the unbiased estimate of independent features is not about 0, or when
    ``full`` no longer has the bias that its docstring warns of."""
    found = {
        place: Tokens(noise(512, 5, 64, seed=7 + i).float(), 1, (2, 2))
        for i, place in enumerate(features(1))
    }
    unbiased = matrices(show(CKA(subjects()), found, [32] * 16, 32))
    biased = matrices(show(CKA(subjects(), estimator='full'), found, [32] * 4, 32))
    assert np.abs(unbiased['one | two']).max() < 0.05
    assert biased['one | two'].min() > 0.6
    for both in (unbiased, biased):
        np.testing.assert_allclose(np.diag(both['one']), 1, atol=1e-6)


def test_groups_are_averaged_before_the_division() -> None:
    """Breaks when ratios of groups are averaged, when models are mixed up, or when
    images in a smaller group count for more or less than others."""
    found = features(29)
    tables = show(CKA(subjects()), found, [12, 12, 5], 12).tables()['cka']
    cuts = [slice(0, 12), slice(12, 24), slice(24, 29)]

    def mean_hsic(a: tuple[str, int], b: tuple[str, int]) -> float:
        x, y = (found[place].values.flatten(1).double().numpy() for place in (a, b))
        return sum(len(x[cut]) / 29 * textbook_hsic(x[cut], y[cut]) for cut in cuts)

    assert set(tables) == {'one', 'two', 'one | two'}
    for key, table in tables.items():
        first, last = key.split(' | ')[0], key.split(' | ')[-1]
        assert table.images == 29 and len(table) == LAYERS[first] * LAYERS[last]
        for row in table.rows():
            a, b = (first, row['layer']), (last, row['other'])
            expected = mean_hsic(a, b) / np.sqrt(mean_hsic(a, a) * mean_hsic(b, b))
            assert row['mean'] == pytest.approx(expected, abs=1e-5)
            if a != b:
                assert row['low'] < row['mean'] < row['high']


@pytest.mark.parametrize('tokens', ['flattened', 'pooled', 'class'])
def test_all_images_at_once_beside_features(tokens: str) -> None:
    """Breaks when ``full`` takes other tokens than it says, or loses an image."""
    found = features(24)
    table = show(CKA(subjects(), tokens=tokens, estimator='full'), found, [10, 10, 4], 10).tables()
    take = dict(
        flattened=lambda values: values.flatten(1),
        pooled=lambda values: values[:, 1:].mean(1),
        **{'class': lambda values: values[:, 0]},
    )[tokens]
    pair = table['cka']['one | two']
    assert pair.images == 24
    for row in pair.rows():
        x, y = (
            take(found[place].values.double()).numpy()
            for place in [('one', row['layer']), ('two', row['other'])]
        )
        assert row['mean'] == pytest.approx(textbook_cka(x, y), abs=1e-5)
        assert row['low'] < row['mean'] < row['high']


@pytest.mark.parametrize('estimator', ['minibatch', 'full'])
@pytest.mark.parametrize('told', [False, True])
def test_batches_do_not_matter(estimator: str, told: bool) -> None:
    """Breaks when a group in several batches gives something else than in one, with
    Grams made while images pass (the size of the group is told before) or after."""

    class Told(CKA):
        def see_tokens(self, subject, layer, part, tokens) -> None:
            self.begin_group(Group(0, np.arange(12)))
            super().see_tokens(subject, layer, part, tokens)

    found = features(36)
    whole = matrices(show(CKA(subjects(), estimator=estimator), found, [12] * 3, 12))
    for batch in (5, 1):
        kind = Told if told else CKA
        cut = matrices(show(kind(subjects(), estimator=estimator), found, [12] * 3, batch))
        for key, matrix in whole.items():
            np.testing.assert_allclose(cut[key], matrix, atol=1e-6)


def test_features_go_as_soon_as_a_group_is_whole() -> None:
    """Breaks when features of all layers are kept although the size of the group is
    known, or when what a later layer overwrites is still read."""
    found = features(8)
    measure = CKA(subjects())
    measure.begin_group(Group(0, np.arange(8)))
    tokens = found['one', 0]
    late = tokens.values[:4].clone()
    measure.see_tokens('one', 0, 'block', tokens._replace(values=late))
    late.zero_()
    assert measure._features['one', 0]
    measure.see_tokens('one', 0, 'block', tokens._replace(values=tokens.values[4:]))
    assert not measure._features
    expected = gram(tokens.values.flatten(1))
    torch.testing.assert_close(measure._grams['one', 0], expected)


@pytest.mark.parametrize('estimator', ['minibatch', 'full'])
def test_processes_can_be_added(estimator: str) -> None:
    """Breaks when the states of two processes together are not that of one."""
    found, options = features(32), dict(estimator=estimator)
    one = show(CKA(subjects(), **options), found, [8] * 4, 8)
    both = CKA(subjects(), **options)
    for mine in ((0, 2), (1, 3)):
        part = CKA(subjects(), **options)
        for number in mine:
            for (name, layer), tokens in found.items():
                values = tokens.values[8 * number : 8 * number + 8]
                part.see_tokens(name, layer, 'block', tokens._replace(values=values))
            part.end_group(Group(number, np.arange(8 * number, 8 * number + 8)))
        both.add_state(part.state())
    for key, table in one.tables()['cka'].items():
        other = both.tables()['cka'][key]
        assert other.images == table.images and other.notes == table.notes
        for mine, theirs in zip(table.values, other.values, strict=True):
            np.testing.assert_allclose(mine, theirs, atol=1e-9)


def test_small_groups_are_left_out_and_noted() -> None:
    """Breaks when three images, of which HSIC_1 knows nothing, count or stop the run."""
    measure = show(CKA(subjects()), features(19), [8, 8, 3], 8)
    table = measure.tables()['cka']['one']
    assert table.images == 16 and 'groups of images' in table.notes[0]
    assert table.notes[-1] == '3 images in groups of fewer than 4 were left out.'
    whole = matrices(show(CKA(subjects()), features(19), [8, 8], 8))['one']
    np.testing.assert_allclose(table.values.mean.reshape(3, 3), whole)


def test_few_groups_are_not_taken_for_many() -> None:
    """Breaks when a number that nothing was resampled for looks certain, or when a rough
    interval does not say so."""
    for groups, said in ((9, 'probably too narrow'), (10, 'groups were resampled for')):
        table = show(CKA(subjects()), features(40), [4] * groups, 4).tables()['cka']['one']
        assert said in table.notes[-1]
    table = show(CKA(subjects()), features(8), [8], 8).tables()['cka']['one | two']
    assert np.isfinite(table.values.mean).all()
    assert np.isnan(table.values.low).all() and np.isnan(table.values.high).all()
    assert table.notes[-1].startswith('One group has no interval')


def test_what_cannot_be_had_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when an error does not name the option, or the way out."""
    for options, known in (
        (dict(part='norm'), 'block, attention, mlp'),
        (dict(tokens='mean'), 'flattened, pooled, class'),
        (dict(estimator='exact'), 'minibatch, full'),
    ):
        with pytest.raises(ValueError, match=known):
            CKA(subjects(), **options)
    with pytest.raises(ValueError, match="one has none; choose tokens='pooled'"):
        headless = Tokens(torch.zeros(4, 4, 8), 0, (2, 2))
        CKA(subjects(), tokens='class').see_tokens('one', 0, 'block', headless)
    with pytest.raises(ValueError, match='groups of 4 images or more'):
        show(CKA(subjects()), features(3), [3], 3).tables()
    monkeypatch.setattr(cka_module, 'MOST_BYTES', 1 << 10)
    with pytest.raises(ValueError, match="those of 8 images take .* estimator='minibatch'"):
        show(CKA(subjects(), estimator='full'), features(8), [8], 8)


def test_intervals_hold_what_they_promise() -> None:
    """Breaks when intervals of either estimator are far too narrow or too wide, or lie
    beside the value for very many images."""
    tokens, turn = noise(6000, 5, 4, seed=5), noise(4, 4, seed=6)
    every = [tokens, tokens @ turn + 2 * noise(6000, 5, 4, seed=8)]
    x, y = (part[:, 1:].mean(1) for part in every)
    truth = textbook_cka(x.numpy(), y.numpy())
    models = {name: SimpleNamespace(layers=[SimpleNamespace(stage=0)]) for name in 'ab'}
    for estimator in ('minibatch', 'full'):
        inside = 0
        for draw in range(30):
            measure = CKA(models, tokens='pooled', estimator=estimator)
            for number in range(10):
                chosen = slice(200 * draw + 20 * number, 200 * draw + 20 * number + 20)
                for name, part in zip('ab', every):
                    measure.see_tokens(name, 0, 'block', Tokens(part[chosen].float(), 1, (2, 2)))
                measure.end_group(Group(number, np.arange(20 * number, 20 * number + 20)))
            (row,) = measure.tables()['cka']['a | b'].rows()
            inside += row['low'] <= truth <= row['high']
        assert 24 <= inside <= 30, estimator
