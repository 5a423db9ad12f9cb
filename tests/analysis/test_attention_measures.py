"""Distance, entropy and divergence of heads: closed forms, and a slow version in NumPy."""

import math

import numpy as np
import pytest
import torch

from mim_secrets.analysis.attention import Attention, Places
from mim_secrets.analysis.measures.attention import (
    attention_distance,
    divergence,
    entropy,
    uniform_distance,
)
from tests.analysis.attention_oracles import (
    Slow,
    float64_maps,
    grid_places,
    of_logits,
    random_attention,
    shifted_places,
)

# side of a window, pixels per token, mean distance in px, entropy in nats
UNIFORM = [
    (14, 16, 116.492, 5.2781),
    (12, 4, 24.938, 4.9698),
    (12, 8, 49.876, 4.9698),
    (12, 16, 99.753, 4.9698),
    (6, 32, 98.570, 3.5835),
    (16, 4, 33.304, 5.5452),
    (16, 8, 66.609, 5.5452),
    (16, 16, 133.217, 5.5452),
    (8, 32, 132.367, 4.1589),
    (7, 4, 14.438, 3.8918),
    (7, 8, 28.876, 3.8918),
    (7, 16, 57.751, 3.8918),
    (7, 32, 115.503, 3.8918),
    (14, 4, 29.123, 5.2781),
    (14, 8, 58.246, 5.2781),
]


@pytest.mark.parametrize('extra', [0, 1])
@pytest.mark.parametrize(('side', 'stride', 'distance', 'nats'), UNIFORM)
def test_uniform_attention(
    side: int, stride: int, distance: float, nats: float, extra: int
) -> None:
    """Breaks when distances are not those of patches in input pixels, when a class token
    counts as a patch, when windows are mixed, or rounding errors of long sums add up."""
    places = grid_places(side, side, stride, extra, windows=2 if extra == 0 else 1)
    tokens = side * side + extra
    heads = of_logits(torch.zeros(len(places.patch), 2, tokens, tokens), places)
    plain, whole = attention_distance(heads.maps())
    kept = side * side / tokens
    np.testing.assert_allclose(whole, distance, atol=5.5e-4)
    np.testing.assert_allclose(plain, distance * kept, atol=5.5e-4)
    np.testing.assert_allclose(entropy(heads.maps()), math.log(tokens), atol=1.5e-5)
    assert math.log(side * side) == pytest.approx(nats, abs=5e-5)
    np.testing.assert_allclose(divergence(heads.maps()), 0.0, atol=1e-6)
    np.testing.assert_allclose(uniform_distance(places), (distance * kept, distance), atol=5.5e-4)


def test_uniform_attention_of_197_tokens() -> None:
    """Breaks when the class token of ViT-B/16 is left out of its entropy."""
    heads = of_logits(torch.zeros(1, 1, 197, 197), grid_places(14, 14, 16, extra=1))
    assert entropy(heads.maps()).item() == pytest.approx(5.2832, abs=5e-5)


@pytest.mark.parametrize('stride', [16, 11.37])
@pytest.mark.parametrize('extra', [0, 1])
def test_heads_that_look_at_themselves(extra: int, stride: float) -> None:
    """Breaks when a patch is not at distance 0 from itself, by rounding say, or when
    0 ln 0 is not 0."""
    tokens = 64 + extra
    itself = 1e4 * torch.eye(tokens).expand(1, 2, -1, -1)
    maps = of_logits(itself, grid_places(8, 8, stride, extra)).maps()
    for quantity in (*attention_distance(maps), entropy(maps), divergence(maps)):
        assert (quantity == 0).all()


def test_two_heads_with_known_divergence() -> None:
    """Breaks when the divergence is taken the other way round, or made symmetric."""
    rows = torch.tensor([[0.5, 0.25, 0.25], [0.2, 0.4, 0.4]])
    logits = (
        rows.log()[None, :, None, :].expand(1, 2, 3, 3) + torch.tensor([[3.0], [-2.0]])[:, None]
    )
    forth = 0.5 * math.log(0.5 / 0.2) + 0.5 * math.log(0.25 / 0.4)
    back = 0.2 * math.log(0.2 / 0.5) + 0.8 * math.log(0.4 / 0.25)
    maps = of_logits(logits, grid_places(1, 3, 16)).maps()
    np.testing.assert_allclose(divergence(maps)[0], [[0, forth], [back, 0]], atol=1e-6)
    own = [1.5 * math.log(2), -0.2 * math.log(0.2) - 0.8 * math.log(0.4)]
    np.testing.assert_allclose(entropy(maps)[0], own, atol=1e-6)


def test_attention_to_the_class_token_goes_nowhere() -> None:
    """Breaks when its row counts as a query of the distance, when the plain distance is
    renormalised, or the renormalised one is not."""
    rows = torch.tensor([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.5, 0.3, 0.2]])
    maps = of_logits(rows.log()[None, None], grid_places(1, 2, 16, extra=1)).maps()
    plain, whole = attention_distance(maps)
    assert plain.item() == pytest.approx(16 * (0.2 + 0.3) / 2)
    assert whole.item() == pytest.approx(16 * (0.4 + 0.6) / 2)
    nats = -(rows * rows.log()).sum(dim=1).mean()
    assert entropy(maps).item() == pytest.approx(nats.item())


@pytest.mark.parametrize('in_bias', [0.0, -100.0, -torch.inf])
def test_pairs_that_are_kept_apart(in_bias: float) -> None:
    """Breaks when such pairs get attention, or make a NaN, whether the model adds to
    their logits or not."""
    near = torch.eye(2, dtype=torch.bool).repeat_interleave(2, 0).repeat_interleave(2, 1)
    places = grid_places(1, 4, 16)
    places = Places(places.centres, places.patch, apart=~near[None])
    logits = torch.where(near, 0.0, in_bias).expand(1, 2, 4, 4)
    maps = of_logits(logits, places).maps()
    assert torch.equal(maps.probabilities, near.expand(1, 1, 2, 4, 4) / 2)
    for distance in (*attention_distance(maps), *map(torch.tensor, uniform_distance(places))):
        np.testing.assert_allclose(distance, 8.0)
    np.testing.assert_allclose(entropy(maps), math.log(2), rtol=1e-6)
    np.testing.assert_allclose(divergence(maps), 0.0, atol=1e-7)


def test_padding_is_seen_but_does_not_ask() -> None:
    """Breaks when padding counts as a query, has a distance, or is kept from entropy."""
    places = grid_places(1, 4, 16)
    padding = torch.tensor([[False, False, False, True]])
    places = Places(places.centres, ~padding, padding)
    logits = torch.zeros(1, 1, 4, 4)
    logits[..., 3, 0] = 50.0
    maps = of_logits(logits, places).maps()
    plain, whole = attention_distance(maps)
    assert whole.item() == pytest.approx(16 * 8 / 9)
    assert plain.item() == pytest.approx(16 * 8 / 9 * 3 / 4)
    assert entropy(maps).item() == pytest.approx(math.log(4))


@pytest.mark.parametrize(
    'places', [grid_places(3, 4, 16, extra=2), grid_places(2, 3, 4, windows=3), shifted_places()]
)
def test_random_attention_is_what_the_slow_version_says(places: Places) -> None:
    """Breaks when class tokens, padding, pairs kept apart, images, windows or heads get
    into places where they do not belong."""
    both = random_attention(places)
    maps = both.maps()
    plain, whole = attention_distance(maps)
    nats, pairs = entropy(maps), divergence(maps)
    for image in range(2):
        slow = Slow(both, image)
        for head in range(3):
            expected = slow.distances(head)
            np.testing.assert_allclose(plain[image, head], expected[0], rtol=1e-5)
            np.testing.assert_allclose(whole[image, head], expected[1], rtol=1e-5)
            np.testing.assert_allclose(nats[image, head], slow.entropy(head), atol=1e-5)
            for other in range(3):
                expected = slow.divergence(head, other)
                np.testing.assert_allclose(pairs[image, head, other], expected, atol=1e-5)


def test_uniform_distance_of_shifted_windows() -> None:
    """Breaks when the ceiling counts pairs that a shifted window keeps apart, or padding
    as a patch."""
    places = shifted_places()
    nothing = torch.zeros(1, 4, 1, 16, 1)
    slow = Slow(Attention(nothing, nothing, nothing, torch.zeros(16, 16), places), 0)
    np.testing.assert_allclose(uniform_distance(places), slow.distances(0), rtol=1e-6)


def test_opposite_heads_have_a_finite_divergence() -> None:
    """Breaks when the logarithm is taken of probabilities, which are 0 here."""
    logits = torch.tensor([[0.0, -1e4], [-1e4, 0.0]])[None, :, None].expand(1, 2, 2, 2)
    maps = of_logits(logits, grid_places(1, 2, 16)).maps()
    np.testing.assert_allclose(divergence(maps)[0], [[0, 1e4], [1e4, 0]])
    np.testing.assert_allclose(entropy(maps), 0.0)


def test_sums_over_many_windows_stay_exact() -> None:
    """Breaks when terms of a whole layer are added up in float32 one by one."""
    heads = random_attention(grid_places(12, 12, 4, windows=16), images=1, heads=8)
    maps = heads.maps()
    exact = float64_maps(heads).transpose(1, 2).flatten(2)
    products = exact @ exact.log().transpose(1, 2) / (16 * 144)
    own = products.diagonal(dim1=1, dim2=2)
    np.testing.assert_allclose(entropy(maps), -own, atol=1e-5)
    np.testing.assert_allclose(divergence(maps), own[:, :, None] - products, atol=1e-5)
