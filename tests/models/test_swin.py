"""Swin against mmpretrain's Swin, and its attention against the definition."""

import numpy as np
import pytest
import torch
from mmpretrain.models.selfsup.simmim import SimMIMSwinTransformer

from mim_secrets.models import Swin
from mim_secrets.models.backbones.swin import TableAttention
from mim_secrets.models.backbones.swin_attention import ShiftedWindows
from tests.models.swin_oracles import (
    ARCH,
    SMALL,
    assert_gradients_close,
    attention_by_definition,
    gradients,
    images,
    linear,
    padded,
    shake,
    small,
    theirs,
)

# Maps of stages: covered at last; padded and odd; no multiple of a patch; oblong; other
# windows; position embedding resized.
CASES = [
    ((64, 64), 4, {}),
    ((72, 72), 4, {}),
    ((70, 75), 4, {}),
    ((88, 72), 4, {}),
    ((64, 64), (7, 5, 2), {}),
    ((64, 64), 4, dict(use_abs_pos_embed=True)),
    ((72, 88), 4, dict(use_abs_pos_embed=True)),
]


@pytest.mark.parametrize(('size', 'window', 'options'), CASES)
def test_features_are_mmpretrains(size, window, options) -> None:
    """Breaks on any change of mathematics: shift, mask, padding, order of merging."""
    their_model = theirs(Swin, window, **options)
    our_model = small(Swin, window_size=window, **options)
    our_model.load_state_dict(their_model.state_dict())
    batch = images(*size)
    with torch.no_grad():
        expected, actual = their_model(batch), our_model(batch)
    assert len(actual) == len(expected) == 3
    for ours, reference in zip(actual, expected):
        torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-5)


def test_gradients_are_mmpretrains() -> None:
    """Breaks when a parameter is detached, or what is cut off after padding still counts."""
    their_model, our_model = theirs(Swin), small(Swin)
    our_model.load_state_dict(their_model.state_dict())
    batch = images(72, 88)
    their_model.train()
    expected = gradients(their_model, their_model(batch))
    assert_gradients_close(gradients(our_model, our_model.train()(batch)), expected)


def test_names_travel_both_ways() -> None:
    """Breaks when a parameter or buffer has another name, shape or value than there."""
    options = dict(use_abs_pos_embed=True)
    their_model, our_model = (
        theirs(Swin, (7, 5, 2), **options),
        Swin(ARCH, **{**SMALL, 'window_size': (7, 5, 2)}, **options),
    )
    expected = their_model.state_dict()
    our_model.load_state_dict(expected, strict=True)
    state = our_model.state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor), name
    their_model.load_state_dict(state, strict=True)


def test_masked_features_are_simmims() -> None:
    """Breaks when the mask token replaces other patches, or comes after the positions."""
    # their masked forward returns no other stage: it merges patches before the norm
    options = dict(out_indices=(2,), use_abs_pos_embed=True)
    stage_cfgs = [dict(window_size=4)] * 3
    their_model = SimMIMSwinTransformer(ARCH, 64, **options, stage_cfgs=stage_cfgs)
    shake(their_model)
    their_model.eval()
    our_model = small(Swin, with_mask_token=True, **options)
    our_model.load_state_dict(their_model.state_dict(), strict=True)
    batch = images(64, 64)
    masked = torch.rand(2, 16, 16, generator=torch.Generator().manual_seed(1)) < 0.6
    with torch.no_grad():
        (expected,) = their_model(batch, masked)
        level = our_model.forward_masked(batch, masked, [2])[2]
        actual = our_model.normalize(level).permute(0, 3, 1, 2)
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


# window, shift: shifted and padded; not shifted; covered and so cut; covered on one axis.
WINDOWS = [
    ((6, 7), (4, 4), (2, 2)),
    ((6, 7), (4, 4), (0, 0)),
    ((3, 2), (3, 2), (0, 0)),
    ((3, 7), (3, 4), (0, 2)),
]


@pytest.mark.parametrize(('grid', 'window', 'shift'), WINDOWS)
def test_attention_is_its_definition(grid, window, shift) -> None:
    """Breaks when a token sees across the rim, when a bias belongs to another offset,
    head or window, and when one covered axis decides for the other."""
    shifted = any(shift) or grid == window
    module = ShiftedWindows(TableAttention(8, 2, 4), shifted)
    shake(module)
    module.double()
    w_msa = module.w_msa
    table = w_msa.relative_position_bias_table.detach().numpy().reshape(7, 7, 2)

    def logits_of(tokens: np.ndarray, offsets: np.ndarray):
        qkv = linear(w_msa.qkv, tokens).reshape(-1, 3, 2, 4)
        query, key, value = qkv[:, 0], qkv[:, 1], qkv[:, 2]
        reach = offsets.clip(-3, 3) + 3
        bias = table[reach[..., 0], reach[..., 1]]
        return np.einsum('qhd,khd->hqk', query, key) / 2 + bias.transpose(2, 0, 1), value

    maps = torch.randn(2, *grid, 8, generator=torch.Generator().manual_seed(3)).double()
    with torch.no_grad():
        actual = module(maps).numpy()
    for result, tokens in zip(actual, maps):
        mixed = attention_by_definition(padded(tokens, window), window, shift, logits_of)
        expected = linear(w_msa.proj, mixed)[: grid[0], : grid[1]]
        np.testing.assert_allclose(result, expected, atol=1e-10)


def test_a_window_beyond_the_map_is_one_of_the_maps_size() -> None:
    """Breaks when a covering window pads, shifts, or reads other rows of its table."""
    large = small(Swin, window_size=20)
    exact = small(Swin, window_size=(16, 8, 4))
    state = large.state_dict()
    for name, tensor in exact.state_dict().items():
        if name.endswith('bias_table'):
            side = round(len(tensor) ** 0.5)
            first = 20 - (side + 1) // 2
            grid = state[name].view(39, 39, -1)[first : first + side, first : first + side]
            state[name] = grid.flatten(0, 1)
    exact.load_state_dict(state)
    batch = images(64, 64)
    with torch.no_grad():
        for wide, narrow in zip(large(batch), exact(batch)):
            torch.testing.assert_close(wide, narrow, rtol=1e-5, atol=1e-5)


def test_depths_are_mmpretrains() -> None:
    """Breaks when layer decay would give a parameter another rate than mmpretrain."""
    their_model, our_model = theirs(Swin), small(Swin)
    names = [f'backbone.{name}' for name, _ in their_model.named_parameters()]
    for name in (*names, 'head.fc.weight', 'backbone.mask_token'):
        expected = their_model.get_layer_depth(name, 'backbone.')
        assert our_model.get_layer_depth(name, 'backbone.') == expected, name
