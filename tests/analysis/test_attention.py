"""Probabilities of attention: what they are, piece by piece and in any precision."""

import math

import numpy as np
import pytest
import torch

from mim_secrets.analysis import attention
from mim_secrets.analysis.attention import Attention
from mim_secrets.analysis.measures.attention import attention_distance, divergence, entropy
from tests.analysis.attention_oracles import (
    float64_maps,
    grid_places,
    random_attention,
    shifted_places,
)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize(
    'shape',
    [
        None,
        (7, 7),
        (2, 7, 7),
        (3, 1, 7, 7),
        (3, 2, 7, 7),
        (1, 1, 2, 7, 7),
        (4, 1, 1, 1, 7),
        (4, 3, 1, 7, 7),
        (4, 3, 2, 7, 7),
    ],
)
def test_maps_are_softmax_of_logits(shape: tuple[int, ...] | None, dtype: torch.dtype) -> None:
    """Breaks when a bias of an allowed shape is not added, when that of one image is given
    to another, or when a model's low precision is kept."""
    places = grid_places(2, 3, 16, extra=1, windows=3)
    plain = random_attention(places, images=4, heads=2)
    bias = shape and torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    parts = (part.to(dtype) for part in (plain.query, plain.key, plain.value))
    given = Attention(*parts, bias, places)
    expected = float64_maps(given)
    for images in (slice(None), slice(1, 3), slice(3, 4)):
        maps = given.maps(images)
        assert maps.probabilities.dtype == torch.float32
        np.testing.assert_allclose(maps.probabilities, expected[images], atol=1e-6)
        np.testing.assert_allclose(maps.logs, expected[images].log(), atol=1e-5)


@pytest.mark.parametrize('images', [1, 2, 3, 5, 8])
def test_pieces_make_up_the_whole(images: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when a piece is lost, seen twice or larger than it may be."""
    whole = random_attention(shifted_places(), images=5)
    maps = whole.maps()
    allowed = images * maps.probabilities[0].numel() + 1
    monkeypatch.setattr(attention, 'ELEMENTS_ON_CPU', allowed)
    pieces = list(whole.in_pieces())
    assert len(pieces) == math.ceil(5 / images)
    assert all(piece.probabilities.numel() <= allowed for piece in pieces)
    together = torch.cat([piece.probabilities for piece in pieces])
    np.testing.assert_allclose(together, maps.probabilities, atol=1e-7)
    together = torch.cat([divergence(piece) for piece in pieces])
    np.testing.assert_allclose(together, divergence(maps), atol=1e-6)


def test_an_image_larger_than_a_piece_comes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when images with very many tokens are passed over."""
    monkeypatch.setattr(attention, 'ELEMENTS_ON_CPU', 1)
    pieces = list(random_attention(shifted_places(), images=3).in_pieces())
    assert [len(piece.probabilities) for piece in pieces] == [1, 1, 1]


def test_autocast_does_not_reach_the_measures() -> None:
    """Breaks when a model under autocast has its attention computed again in bfloat16."""
    both = random_attention(shifted_places())
    expected = both.maps()
    with torch.autocast('cpu', torch.bfloat16):
        maps = both.maps()
        found = (*attention_distance(maps), entropy(maps), divergence(maps))
    exact = (*attention_distance(expected), entropy(expected), divergence(expected))
    for quantity, right in zip(found, exact, strict=True):
        torch.testing.assert_close(quantity, right, atol=1e-6, rtol=1e-6)
