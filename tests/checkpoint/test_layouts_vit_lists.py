"""Files of vision transformers from houses that are not installed, and what gets lost.

The names in such files are written down here, from those houses' own code.
"""

import pytest
import torch

from mim_secrets.checkpoint.layouts import LAYOUTS, Layout, from_ours, layout_named, to_ours
from tests.checkpoint.layout_checks import (
    PREFIXES,
    check_round_trip,
    check_told,
    encoder_of,
    random_tensors,
    shaken,
    under,
)
from tests.checkpoint.test_layouts_vit import (
    BEIT,
    DEPTH,
    DIMS,
    HEADS,
    HIDDEN,
    HOUSES,
    PATCH,
    POOLED,
    ROWS,
    SIZE,
    first,
    last,
    ours,
    pooled_by_timm,
)

NO_CLASS_TOKEN = {'backbone.cls_token', 'backbone.ln1.weight', 'backbone.ln1.bias'}
TABLE = (2 * SIZE // PATCH - 1) ** 2 + 3


def linear(name: str, inputs: int, outputs: int) -> dict[str, tuple[int, ...]]:
    return {f'{name}.weight': (outputs, inputs), f'{name}.bias': (outputs,)}


def norm(name: str) -> dict[str, tuple[int, ...]]:
    return {f'{name}.weight': (DIMS,), f'{name}.bias': (DIMS,)}


def patches() -> dict[str, tuple[int, ...]]:
    return {
        'patch_embed.proj.weight': (DIMS, 3, PATCH, PATCH),
        'patch_embed.proj.bias': (DIMS,),
    }


def block(name: str, bias: bool = True) -> dict[str, tuple[int, ...]]:
    shapes = {
        **norm(f'{name}.norm1'),
        **linear(f'{name}.attn.qkv', DIMS, 3 * DIMS),
        **linear(f'{name}.attn.proj', DIMS, DIMS),
        **norm(f'{name}.norm2'),
        **linear(f'{name}.mlp.fc1', DIMS, HIDDEN),
        **linear(f'{name}.mlp.fc2', HIDDEN, DIMS),
    }
    if not bias:
        del shapes[f'{name}.attn.qkv.bias']
    return shapes


def mae_encoder() -> dict[str, tuple[int, ...]]:
    shapes = {'cls_token': (1, 1, DIMS), 'pos_embed': (1, ROWS, DIMS), **patches()}
    for n in range(DEPTH):
        shapes |= block(f'blocks.{n}')
    return shapes | norm('norm')


def mae() -> dict[str, tuple[int, ...]]:
    shapes = mae_encoder() | {
        'mask_token': (1, 1, DIMS),
        'decoder_pos_embed': (1, ROWS, DIMS),
        **linear('decoder_embed', DIMS, DIMS),
    }
    for n in range(3):
        shapes |= block(f'decoder_blocks.{n}')
    return shapes | norm('decoder_norm') | linear('decoder_pred', DIMS, 3 * PATCH**2)


def simmim() -> dict[str, tuple[int, ...]]:
    shapes = {
        'encoder.cls_token': (1, 1, DIMS),
        'encoder.mask_token': (1, 1, DIMS),
        **under('encoder.', patches()),
        'encoder.rel_pos_bias.relative_position_bias_table': (TABLE, HEADS),
        'encoder.rel_pos_bias.relative_position_index': (ROWS, ROWS),
    }
    for n in range(DEPTH):
        shapes |= block(f'encoder.blocks.{n}', bias=False)
        vectors = ('gamma_1', 'gamma_2', 'attn.q_bias', 'attn.v_bias')
        shapes |= {f'encoder.blocks.{n}.{vector}': (DIMS,) for vector in vectors}
    shapes |= norm('encoder.norm')
    return shapes | {'decoder.0.weight': (3 * 256, DIMS, 1, 1), 'decoder.0.bias': (3 * 256,)}


def vitdet() -> dict[str, tuple[int, ...]]:
    shapes = {'backbone.net.pos_embed': (1, ROWS, DIMS), **under('backbone.net.', patches())}
    for n, window in enumerate((3, SIZE // PATCH)):
        shapes |= block(f'backbone.net.blocks.{n}')
        for axis in 'hw':
            name = f'backbone.net.blocks.{n}.attn.rel_pos_{axis}'
            shapes[name] = (2 * window - 1, DIMS // HEADS)
    shapes |= {'backbone.simfp_2.0.weight': (DIMS, 4, 2, 2), 'backbone.simfp_2.0.bias': (4,)}
    return shapes | linear('roi_heads.box_predictor.cls_score', DIMS, 3)


def vitpose() -> dict[str, tuple[int, ...]]:
    shapes = {'backbone.pos_embed': (1, ROWS, DIMS), **under('backbone.', patches())}
    for n in range(DEPTH):
        shapes |= block(f'backbone.blocks.{n}')
    shapes |= norm('backbone.last_norm')
    return shapes | {'keypoint_head.final_layer.weight': (17, 256, 1, 1)}


# name -> (names and shapes, layout, names that have no place with us)
LISTS = {
    'MAE': (mae(), 'mae', ()),
    'MAE, encoder alone': (mae_encoder(), 'timm', ()),
    'SimMIM': (simmim(), 'simmim', ('encoder.rel_pos_bias.relative_position_index',)),
    'ViTDet': (
        vitdet(),
        'detectron2',
        ('backbone.simfp_2.0.weight', 'backbone.simfp_2.0.bias')
        + ('roi_heads.box_predictor.cls_score.weight', 'roi_heads.box_predictor.cls_score.bias'),
    ),
    'ViTPose': (vitpose(), 'vitpose', ('keypoint_head.final_layer.weight',)),
}


@pytest.mark.parametrize('prefix', PREFIXES)
@pytest.mark.parametrize('name', LISTS)
def test_a_list_is_told_and_comes_back(name: str, prefix: str) -> None:
    """Breaks when a name that these files have is lost, changed or taken for another."""
    shapes, layout, dropped = LISTS[name]
    tensors = random_tensors(under(prefix, shapes))
    found = check_told(tensors, layout, 'vit', '')
    if found.layout.writes:
        check_round_trip(tensors, found, frozenset(prefix + name for name in dropped))
    else:
        assert to_ours(tensors, found).dropped.keys() == {prefix + name for name in dropped}


def test_a_vitdet_of_detectron2_is_a_vit_sam_of_mmpretrain() -> None:
    """Breaks when the row that ViTDet keeps for a class token it does not have shifts
    the positions, or a relative position lands on the other axis."""
    tensors = random_tensors(vitdet())
    house = HOUSES['mmpretrain ViTSAM']
    ours, theirs = house.ours().eval(), shaken(house.theirs())
    encoder = encoder_of(tensors)
    for axis in 'hw':
        name = f'.0.attn.rel_pos_{axis}'
        assert encoder['layers' + name] is tensors['backbone.net.blocks' + name]
    ours.load_state_dict(encoder)
    sam = from_ours(to_ours(tensors).tensors, layout_named('mmpretrain-sam', 'vit'), True)
    theirs.load_state_dict(sam.tensors)
    assert sam.dropped == {'backbone.pos_embed': 'its row for a class token'}
    images = torch.randn(1, 3, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(last(theirs, images), first(ours, images), atol=1e-5, rtol=0)


def test_vitposes_class_row_is_added_to_every_patch() -> None:
    """Breaks when the authors' pose models are read as if they dropped that row."""
    tensors = random_tensors(vitpose())
    rows = tensors['backbone.pos_embed']
    positions = encoder_of(tensors)['pos_embed']
    assert positions.shape == (1, ROWS - 1, DIMS)
    assert torch.equal(positions[0, 3], rows[0, 4] + rows[0, 0])
    with pytest.raises(ValueError, match='vitpose can be read but not written'):
        from_ours(to_ours(tensors).tensors, layout_named('vitpose', 'vit'))


def test_simmims_table_is_shared_or_not() -> None:
    """Breaks when the table that blocks share reaches one of them only, or when tables
    that fine-tuning has driven apart are written as one."""
    tensors = random_tensors(simmim())
    ours = to_ours(tensors).tensors
    tables = [ours[f'backbone.layers.{n}.attn.relative_position_bias_table'] for n in range(DEPTH)]
    shared = 'encoder.rel_pos_bias.relative_position_bias_table'
    assert all(table is tensors[shared] for table in tables)
    ours['backbone.layers.1.attn.relative_position_bias_table'] = tables[1] + 1
    apart = from_ours(ours, layout_named('simmim', 'vit')).tensors
    assert shared not in apart
    written = apart['encoder.blocks.1.attn.relative_position_bias_table']
    assert torch.equal(written, tables[1] + 1)


def test_positions_that_make_no_square_are_not_written_as_one() -> None:
    """Breaks when 6x8 patches and a class token, 49 rows, are taken for a grid of 7x7."""
    state = under('backbone.', ours(img_size=(48, 64))().state_dict())
    sam = layout_named('mmpretrain-sam', 'vit')
    with pytest.raises(ValueError, match='48 rows, which make no square'):
        from_ours(state, sam)
    state = under('backbone.', shaken(ours()()).state_dict())
    square = from_ours(state, sam)
    positions = square.tensors['backbone.pos_embed']
    assert positions.shape == (1, 4, 4, DIMS)
    assert torch.equal(positions[0, 1, 2], state['backbone.pos_embed'][0, 1 + 6])
    assert {'backbone.cls_token', 'backbone.pos_embed'} <= square.dropped.keys()


def test_a_key_bias_is_left_out_aloud() -> None:
    """Breaks when a house without a bias of keys gets one, or loses it without a word."""
    model = shaken(ours(**POOLED, **BEIT)())
    state = {'backbone.' + name: tensor for name, tensor in model.state_dict().items()}
    converted = from_ours(state, layout_named('beit', 'vit'))
    assert 'blocks.0.attn.qkv.bias' not in converted.tensors
    query, _, value = state['backbone.layers.0.attn.qkv.bias'].chunk(3)
    assert torch.equal(converted.tensors['blocks.0.attn.q_bias'], query)
    assert torch.equal(converted.tensors['blocks.0.attn.v_bias'], value)
    lost = [n for n, why in converted.dropped.items() if 'softmax ignores' in why]
    assert lost == [f'backbone.layers.{n}.attn.qkv.bias' for n in range(DEPTH)]
    beit = HOUSES['timm Beit'].theirs().eval()
    beit.load_state_dict(converted.tensors, strict=False)
    model.pos_embed.data.zero_()  # which that house has not
    images = torch.randn(2, 3, SIZE, SIZE)
    with torch.no_grad():
        torch.testing.assert_close(
            pooled_by_timm(beit, images), first(model, images), atol=1e-5, rtol=0
        )


WRITTEN = [layout for layout in LAYOUTS if layout.family == 'vit' and layout.writes]


@pytest.mark.parametrize('target', WRITTEN, ids=lambda layout: layout.name)
def test_what_pretraining_wrote_goes_everywhere_and_comes_back(target: Layout) -> None:
    """Breaks when a layout loses a part of the encoder, or drops without a word."""
    state = under('backbone.', shaken(ours()()).state_dict())
    for n in range(DEPTH):
        state[f'backbone.layers.{n}.attn.qkv.bias'][DIMS : 2 * DIMS] = 0  # BEiT has no such bias
    state['fusion.level_logits'] = torch.randn(2)
    written = from_ours(state, target)
    back = to_ours(written.tensors).tensors
    lost = state.keys() - back.keys()
    assert lost == written.dropped.keys() - {'backbone.pos_embed'}
    expected = {
        'mmpretrain': set(),
        'mim_secrets': set(),
        'mmpretrain-sam': {'fusion.level_logits', *NO_CLASS_TOKEN},
        'detectron2': {'fusion.level_logits', *NO_CLASS_TOKEN},
    }
    assert lost == expected.get(target.name, {'fusion.level_logits'})
    for name in back.keys() - {'backbone.pos_embed'}:
        assert torch.equal(back[name], state[name]), name
