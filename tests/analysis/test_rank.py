"""Effective ranks that are known, and NumPy's own singular values."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.measures import rank as rank_module
from mim_secrets.analysis.measures.measure import Group
from mim_secrets.analysis.measures.rank import Rank, effective_rank, rank_interval

CHANNELS = (6, 9)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def subjects() -> dict:
    stages = [SimpleNamespace(stage=stage) for stage in range(len(CHANNELS))]
    return dict(model=SimpleNamespace(layers=stages))


def tokens_of(images: int) -> list[torch.Tensor]:
    """(images, 1 + 4, C) for each layer; the first token is no patch."""
    return [noise(images, 5, width, seed=width).float() for width in CHANNELS]


def show(rank: Rank, layers: list[torch.Tensor], groups: list[range], batch: int) -> Rank:
    for number, images in enumerate(groups):
        chosen = list(images)
        for start in range(0, len(chosen), batch):
            for layer, values in enumerate(layers):
                part = values[chosen[start : start + batch]]
                rank.see_tokens('model', layer, 'block', Tokens(part, 1, (2, 2)))
        rank.end_group(Group(number, np.array(chosen)))
    return rank


def slow_rank(features: np.ndarray) -> float:
    share = np.linalg.svd(features, compute_uv=False)
    share = share / share.sum()
    return float(np.exp(-sum(p * np.log(p) for p in share if p > 0)))


@pytest.mark.parametrize('directions', [1, 3, 8])
def test_orthonormal_directions_are_counted(directions: int) -> None:
    """Breaks when k equally strong directions do not give k, in more or fewer images
    than channels."""
    for images in (5, 40):
        count = min(directions, images)
        left = torch.linalg.qr(noise(images, count))[0]
        right = torch.linalg.qr(noise(12, count, seed=1))[0]
        features = left @ right.T
        rank = effective_rank(features.T @ features)
        assert rank.item() == pytest.approx(count, abs=1e-4)
        rank = rank_interval(np.arange(images), features)
        assert rank.mean == pytest.approx(count, abs=1e-4)


def test_gaussian_features_have_about_their_dimension() -> None:
    """Breaks when zero directions count, or when many images do not come close."""
    features = noise(4000, 7) @ torch.linalg.qr(noise(20, 7, seed=1))[0].T
    found = rank_interval(np.arange(4000), features)
    assert 6.99 < found.mean <= 7.0001
    assert found.high - found.low < 0.02


@pytest.mark.parametrize('images', [15, 64])
def test_beside_singular_values(images: int) -> None:
    """Breaks when pooling takes a class token in, when the wrong products are taken for
    few images, or when what the jackknife leaves out is not a tenth."""
    layers = tokens_of(images)
    table = show(Rank(subjects()), layers, [range(images)], images).tables()['rank']['model']
    numbers = np.arange(images)
    for row, values in zip(table.rows(), layers, strict=True):
        pooled = values[:, 1:].double().mean(1).numpy()
        without = [slow_rank(pooled[numbers % 10 != block]) for block in range(10)]
        error = np.sqrt(0.9 * np.sum((without - np.mean(without)) ** 2))
        assert row['mean'] == pytest.approx(slow_rank(pooled), abs=1e-5)
        assert row['high'] - row['mean'] == pytest.approx(2.262 * error, rel=1e-3)
        assert row['mean'] - row['low'] == pytest.approx(2.262 * error, rel=1e-3)
    assert table.images == images
    np.testing.assert_array_equal(table.index['stage'], [0, 1])


def test_batches_and_processes_do_not_matter() -> None:
    """Breaks when how images came, or who saw them, makes a difference."""
    layers, groups = tokens_of(48), [range(16), range(16, 32), range(32, 48)]
    one = show(Rank(subjects()), layers, groups, 16).tables()['rank']['model']
    cut = show(Rank(subjects()), layers, groups, 5).tables()['rank']['model']
    both = Rank(subjects())
    for mine in (groups[1:2], groups[::2]):
        both.add_state(show(Rank(subjects()), layers, mine, 16).state())
    merged = both.tables()['rank']['model']
    for mine, pieces, together in zip(one.values, cut.values, merged.values, strict=True):
        np.testing.assert_allclose(pieces, mine, atol=1e-6)
        np.testing.assert_array_equal(together, mine)


def test_only_the_first_images_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when memory grows with every image, or when which images count depends on
    who came first."""
    monkeypatch.setattr(rank_module, 'MOST_IMAGES', 20)
    layers = tokens_of(48)
    late_first = [range(32, 48), range(16, 32), range(16)]
    measure = show(Rank(subjects()), layers, late_first, 16)
    assert sum(array.nbytes for array in measure.state().values()) == 20 * (4 * 15 + 2 * 8)
    table = measure.tables()['rank']['model']
    pooled = layers[0][:20, 1:].double().mean(1).numpy()
    assert table.images == 20
    assert table.values.mean[0] == pytest.approx(slow_rank(pooled), abs=1e-5)


def test_few_images_have_no_interval() -> None:
    """Breaks when fewer than ten images pretend to an interval."""
    table = show(Rank(subjects()), tokens_of(9), [range(9)], 9).tables()['rank']['model']
    assert np.isfinite(table.values.mean).all()
    assert np.isnan(table.values.low).all() and np.isnan(table.values.high).all()
