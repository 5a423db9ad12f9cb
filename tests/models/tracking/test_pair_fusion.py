"""The fusion against torch's own layers, and its positions against loops in NumPy."""

import numpy as np
import pytest
import torch
from torch import nn

from mim_secrets.models.tracking.pair_fusion import PairFusion
from mim_secrets.models.tracking.pair_position import PairPosition
from tests.models.swin_oracles import shake

DIMS, HEADS = 12, 3
GRIDS = ((2, 3), (4, 3))  # of template and search window
COUNTS = [rows * columns for rows, columns in GRIDS]


def fusion(**options) -> PairFusion:
    torch.manual_seed(0)
    usual = dict(in_dims=DIMS, template_grid=GRIDS[0], search_grid=GRIDS[1], dims=DIMS)
    module = PairFusion(**{**usual, 'num_heads': HEADS, 'depth': 2, **options})
    shake(module)
    return module.eval()


def tokens(batch: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(batch, count, DIMS, generator=generator) for count in COUNTS)


def arrays(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: p.detach().double().numpy() for name, p in module.named_parameters()}


def place_by_hand(weights: dict[str, np.ndarray], branch: int, cell: tuple) -> np.ndarray:
    name = f'places.{branch}.'
    place = weights[f'{name}rows'][cell[0]] + weights[f'{name}columns'][cell[1]]
    place = (place - place.mean()) / np.sqrt(place.var() + 1e-5)
    return place * weights[f'{name}norm.weight'] + weights[f'{name}norm.bias']


@pytest.mark.parametrize('asking', [(0, 1), (1,)])
def test_positions_are_untied_products_and_offsets(asking: tuple[int, ...]) -> None:
    """Breaks when the scale, a norm, a projection, the order of tokens or the sign of an
    offset changes, or template and search window share numbers that they should not."""
    torch.manual_seed(0)
    position = PairPosition(DIMS, HEADS, GRIDS, asking)
    shake(position)
    weights, width = arrays(position), DIMS // HEADS
    cells = [(b, cell) for b in (0, 1) for cell in np.ndindex(GRIDS[b])]
    asked = [(b, cell) for b, cell in cells if b in asking]
    expected = np.zeros((HEADS, len(asked), len(cells)))
    for i, (b, cell) in enumerate(asked):
        place, turn = place_by_hand(weights, b, cell), asking.index(b)
        query = weights[f'queries.{turn}.weight'] @ place + weights[f'queries.{turn}.bias']
        for j, (c, other) in enumerate(cells):
            place = place_by_hand(weights, c, other)
            key = weights[f'keys.{c}.weight'] @ place + weights[f'keys.{c}.bias']
            # offsets from the smallest that there is on, row by row
            down, across = (cell[axis] - other[axis] + GRIDS[c][axis] - 1 for axis in (0, 1))
            table = weights[f'offsets.{turn}.{c}.table']
            number = table[down * (GRIDS[b][1] + GRIDS[c][1] - 1) + across]
            for head in range(HEADS):
                part = slice(head * width, (head + 1) * width)
                product = query[part] @ key[part] / np.sqrt(2 * width)
                expected[head, i, j] = product + number[head]
    actual = position().detach().numpy()
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-5)


def test_every_offset_is_used_once_and_none_is_shared() -> None:
    """Breaks when tables are larger than needed, or two offsets read one number."""
    position = PairPosition(DIMS, HEADS, GRIDS, (0, 1))
    for branch, queries in enumerate(GRIDS):
        for other, keys in enumerate(GRIDS):
            offsets = position.offsets[branch][other]
            index = offsets.index.reshape(*queries, *keys)
            seen = {}
            for place in np.ndindex(index.shape):
                offset = (place[0] - place[2], place[1] - place[3])
                seen.setdefault(offset, set()).add(int(index[place]))
            assert all(len(numbers) == 1 for numbers in seen.values())
            assert sorted(n for (n,) in seen.values()) == list(range(len(offsets.table)))


def without_positions(module: PairFusion) -> PairFusion:
    """No place has a query, and no offset a number."""
    with torch.no_grad():
        for position in (module.position, module.last_position):
            for part in (position.queries, position.offsets):
                for parameter in part.parameters():
                    parameter.zero_()
    return module


def oracle_layer(layer: nn.Module) -> nn.TransformerEncoderLayer:
    """torch's layer with the same weights. It divides by the root of a head's width; that
    the other half of a logit is missing here goes into the queries."""
    theirs = nn.TransformerEncoderLayer(
        DIMS, HEADS, 4 * DIMS, 0.0, 'gelu', batch_first=True, norm_first=True
    )
    attention, half = layer.attn, 0.5**0.5
    theirs.self_attn.in_proj_weight.data = torch.cat(
        [half * attention.query.weight, attention.key_value.weight]
    )
    theirs.self_attn.in_proj_bias.data = torch.cat(
        [half * attention.query.bias, attention.key_value.bias]
    )
    pairs = (
        (theirs.self_attn.out_proj, attention.proj),
        (theirs.norm1, layer.norm1),
        (theirs.norm2, layer.norm2),
        (theirs.linear1, layer.ffn.layers[0][0]),
        (theirs.linear2, layer.ffn.layers[1]),
    )
    for mine, other in pairs:
        mine.load_state_dict(other.state_dict())
    return theirs.eval()


def test_without_positions_the_layers_are_torchs() -> None:
    """Breaks when a norm stands elsewhere, a residual is missing, tokens of the template are
    not seen by the last layer, or what comes out is not the search window's."""
    module, (template, search) = without_positions(fusion()), tokens()
    with torch.no_grad():
        every = torch.cat([template, search], dim=1)
        for layer in module.layers:
            every = oracle_layer(layer)(every)
        last = module.last_layer
        theirs, asking = oracle_layer(last), every[:, COUNTS[0] :]
        memory = last.norm_memory(every)
        mixed, _ = theirs.self_attn(last.norm1(asking), memory, memory)
        asking = asking + mixed
        asking = asking + theirs.linear2(
            torch.nn.functional.gelu(theirs.linear1(theirs.norm2(asking)))
        )
        expected = module.norm(asking).unflatten(1, GRIDS[1])
        actual = module(template, search)
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-5)


def test_positions_reach_every_layer() -> None:
    """Breaks when a layer looks at contents alone, or the template's place is not told."""
    module, pair = fusion(), tokens(1)
    with torch.no_grad():
        before = module(*pair)
        assert not torch.allclose(before, module(pair[0].flip(1), pair[1]), atol=1e-4)
        for position in (module.position, module.last_position):
            kept = position.offsets[-1][0].table.clone()
            position.offsets[-1][0].table += torch.randn(kept.shape)
            assert not torch.allclose(before, module(*pair), atol=1e-4)
            position.offsets[-1][0].table.copy_(kept)
        without_positions(module)
        # a set has no order
        assert torch.allclose(module(*pair), module(pair[0].flip(1), pair[1]), atol=1e-5)


def test_pairs_do_not_meet_in_a_batch() -> None:
    """Breaks when a pair's result depends on what it is computed with."""
    module, (template, search) = fusion(), tokens(3)
    with torch.no_grad():
        together = module(template, search)
        alone = [module(template[i : i + 1], search[i : i + 1]) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=0, atol=1e-5)


def test_maps_become_tokens_row_by_row() -> None:
    """Breaks when tokens and positions are counted differently, or one branch is projected
    by the other's weights."""
    module = fusion(in_dims=5)
    maps = torch.randn(2, 5, *GRIDS[1])
    cell = module.search_projection(maps[:, :, 2, 1])
    torch.testing.assert_close(module.search_tokens(maps)[:, 2 * GRIDS[1][1] + 1], cell)
    maps = torch.randn(2, 5, *GRIDS[0])
    cell = module.template_projection(maps[:, :, 1, 0])
    torch.testing.assert_close(module.template_tokens(maps)[:, GRIDS[0][1]], cell)


def test_drop_path_rises_to_the_last_layer() -> None:
    """Breaks when the first layer is left out at times, or the last as seldom as others."""
    module = fusion(depth=4, drop_path_rate=0.2)
    rates = [layer.drop_path.drop_prob for layer in (*module.layers, module.last_layer)]
    assert rates == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])


def test_what_does_not_fit_is_told_in_a_sentence() -> None:
    """Breaks when a map of another size ends in an error about shapes of products."""
    module = fusion()
    with pytest.raises(ValueError, match=r'map of the template is \(3, 3\), but .*\(2, 3\); crop'):
        module.template_tokens(torch.zeros(1, DIMS, 3, 3))
    with pytest.raises(ValueError, match=r'map of the search window is \(2, 3\), but .*\(4, 3\)'):
        module.search_tokens(torch.zeros(1, DIMS, 2, 3))
    with pytest.raises(ValueError, match='dims is 12 and num_heads 5; choose'):
        fusion(num_heads=5)
