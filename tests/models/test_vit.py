"""The vision transformer's ways through: whole maps, windows, tables, pairs."""

import numpy as np
import pytest
import torch
from mmpretrain.models import VisionTransformer, ViTSAM
from mmseg.models.backbones import MAE as SegmentationViT

from mim_secrets.models import ViT
from tests.models.oracles import shake
from tests.models.small import ARCH

CLOSE = dict(atol=1e-5, rtol=1e-5)
MAP = dict(out_type='featmap', with_cls_token=False)


def vit(**options) -> ViT:
    encoder = ViT(**{**dict(arch=ARCH, img_size=32, patch_size=8), **options})
    shake(encoder)
    return encoder.eval()


@pytest.mark.parametrize('out_type', ['cls', 'avg', 'featmap', 'tokens'])
@pytest.mark.parametrize('size', [(32, 32), (48, 24), (30, 61)])
def test_whole_images_are_mmpretrains(out_type: str, size: tuple[int, int]) -> None:
    """Breaks when a name of an output type means another, or another image size is
    embedded, positioned or reshaped otherwise than mmpretrain does it."""
    names = dict(cls='cls_token', avg='avg_featmap', tokens='raw')
    options = dict(arch=ARCH, img_size=32, patch_size=8, out_indices=[1, 5])
    oracle = VisionTransformer(out_type=names.get(out_type, out_type), **options)
    oracle.eval()
    ours = vit(out_type=out_type, out_indices=[1, 5])
    oracle.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, *size)
    for expected, actual in zip(oracle(images), ours(images), strict=True):
        torch.testing.assert_close(actual, expected, **CLOSE)


def test_patches_padded_as_vitpose_pads_them() -> None:
    """Breaks when 256x192 with ViTPose's padding is not a map of 16x12."""
    options = dict(arch=ARCH, img_size=(64, 48), patch_size=16, patch_cfg=dict(padding=2), **MAP)
    oracle = VisionTransformer(**options)
    oracle.eval()
    ours = vit(**options)
    oracle.load_state_dict(ours.state_dict())
    for size, grid in [((64, 48), (4, 3)), ((128, 96), (8, 6))]:
        images = torch.randn(1, 3, *size)
        (actual,) = ours(images)
        assert actual.shape[2:] == grid
        torch.testing.assert_close(actual, oracle(images)[0], **CLOSE)


@pytest.mark.parametrize('size', [(64, 48), (64, 80)])
def test_windows_and_decomposed_positions_are_vitdets(size: tuple[int, int]) -> None:
    """Breaks when windows are cut, padded or put back otherwise, a global block is
    cut, or a relative position is read for the wrong pair."""
    oracle = ViTSAM(
        {**ARCH, 'global_attn_indexes': [2, 5]},
        img_size=(64, 48),
        patch_size=8,
        out_channels=0,
        window_size=3,
        out_indices=[1, 5],
    )
    oracle.eval()
    ours = vit(
        img_size=(64, 48),
        out_indices=[1, 5],
        final_norm=False,
        window_size=3,
        global_blocks=[2, 5],
        relative_position='decomposed',
        **MAP,
    )
    state = ours.state_dict()
    state['pos_embed'] = state['pos_embed'].view(1, 8, 6, -1)
    oracle.load_state_dict(state)
    images = torch.randn(2, 3, *size)
    for expected, actual in zip(oracle(images), ours(images), strict=True):
        torch.testing.assert_close(actual, expected, **CLOSE)


def segmentation_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """mmseg keeps layer scale at the block."""
    renamed = {}
    for name, tensor in state.items():
        name = name.replace('attn.gamma1.weight', 'gamma_1')
        renamed[name.replace('ffn.gamma2.weight', 'gamma_2')] = tensor
    return renamed


def test_the_bias_table_is_mmsegs() -> None:
    """Breaks when an offset, or a row of the class token, reads another bias."""
    oracle = SegmentationViT(
        img_size=(32, 32),
        patch_size=8,
        embed_dims=48,
        num_layers=6,
        num_heads=4,
        mlp_ratio=2,
        out_indices=[1, 5],
        norm_cfg=dict(type='LN', eps=1e-6),
    )
    oracle.eval()
    ours = vit(
        out_type='featmap',
        out_indices=[1, 5],
        final_norm=False,
        relative_position='table',
        layer_scale_init_value=0.1,
    )
    result = oracle.load_state_dict(segmentation_names(ours.state_dict()), strict=False)
    assert all(name.endswith('relative_position_index') for name in result.missing_keys)
    assert not result.unexpected_keys
    images = torch.randn(2, 3, 32, 32)
    for expected, actual in zip(oracle(images), ours(images), strict=True):
        torch.testing.assert_close(actual, expected, **CLOSE)


def test_tables_serve_other_sizes() -> None:
    """Breaks when an encoder with a bias table, which mmseg ties to one crop size,
    refuses another, or close neighbours, whose offsets both sizes have, are biased
    otherwise."""
    attention = vit(relative_position='table', **MAP).layers[0].attn
    with torch.no_grad():
        small, large = attention._table_bias((4, 4)), attention._table_bias((5, 7))
    assert large.shape == (4, 35, 35)
    for step_small, step_large in [(1, 1), (-1, -1), (4, 7), (-5, -8), (0, 0)]:
        torch.testing.assert_close(large[:, 17, 17 + step_large], small[:, 5, 5 + step_small])
    assert attention(torch.randn(2, 35, 48), (5, 7)).isfinite().all()


def slow_decomposed(query: np.ndarray, down: np.ndarray, across: np.ndarray, grid) -> np.ndarray:
    """The bias of one head, written as its definition reads: (N, D) -> (N, N)."""
    rows, columns = grid
    bias = np.zeros((rows * columns,) * 2)
    for i in range(rows * columns):
        for j in range(rows * columns):
            row = i // columns - j // columns + rows - 1
            column = i % columns - j % columns + columns - 1
            bias[i, j] = query[i] @ (down[row] + across[column])
    return bias


def test_the_decomposed_bias_is_its_definition() -> None:
    """Breaks when rows and columns are exchanged, which square maps would hide."""
    attention = vit(img_size=(24, 40), relative_position='decomposed', **MAP).layers[0].attn
    query = torch.randn(1, 4, 15, 12)
    with torch.no_grad():
        actual = attention._decomposed_bias(query, (3, 5))[0]
    tables = attention.rel_pos_h.detach().numpy(), attention.rel_pos_w.detach().numpy()
    for head in range(4):
        expected = slow_decomposed(query[0, head].numpy(), *tables, (3, 5))
        np.testing.assert_allclose(actual[head].numpy(), expected, atol=1e-5)


@pytest.mark.parametrize('with_cls_token', [True, False])
def test_a_pair_sees_itself_in_one_stream(with_cls_token: bool) -> None:
    """Breaks when the images do not attend to each other, their positions are not
    their own grid's, or the class token joins in."""
    encoder = vit(out_type='tokens', with_cls_token=with_cls_token)
    template, search = torch.randn(2, 3, 16, 16), torch.randn(2, 3, 40, 32)
    actual = encoder.forward_pair(template, search)
    extra = int(with_cls_token)
    parts = []
    for images, grid in [(template, (2, 2)), (search, (5, 4))]:
        patches = encoder.patch_embed.projection(images).flatten(2).mT
        positions = encoder.resize_pos_embed(
            encoder.pos_embed, (4, 4), grid, num_extra_tokens=extra
        )
        parts.append(patches + positions[:, extra:])
    tokens = torch.cat(parts, dim=1)
    for layer in encoder.layers:
        tokens = layer(tokens)
    expected = encoder.ln1(tokens).split([4, 20], dim=1)
    for one, other in zip(actual, expected, strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


@pytest.mark.parametrize('spatial', [{}, dict(window_size=3, relative_position='decomposed')])
def test_checkpointed_activations_give_the_same_gradients(spatial: dict) -> None:
    """Breaks when saving memory changes what is learned."""
    images = torch.randn(2, 3, 32, 32)
    plain = vit(**MAP, **spatial).train()
    thrifty = ViT(ARCH, img_size=32, patch_size=8, with_cp=True, **MAP, **spatial).train()
    thrifty.load_state_dict(plain.state_dict())
    for encoder in (plain, thrifty):
        encoder(images)[0].square().mean().backward()
    for (name, one), other in zip(plain.named_parameters(), thrifty.parameters(), strict=True):
        torch.testing.assert_close(other.grad, one.grad, msg=name, **CLOSE)


def test_frozen_stages_stay_frozen_through_train() -> None:
    """Breaks when ``train()`` brings the dropout of frozen blocks back to life, or a
    frozen parameter is trained."""
    encoder = vit(frozen_stages=2, drop_rate=0.5).train()
    assert not encoder.layers[1].training
    assert encoder.layers[2].training
    trained = {name for name, p in encoder.named_parameters() if p.requires_grad}
    frozen = ('patch_embed.', 'pos_embed', 'cls_token', 'layers.0.', 'layers.1.')
    assert not [name for name in trained if name.startswith(frozen)]
    assert 'layers.2.attn.qkv.weight' in trained


def test_later_blocks_are_not_computed_for_nothing() -> None:
    """Breaks when blocks after the last one that is asked for change the result or
    are run."""
    encoder = vit(out_indices=[1], out_type='tokens')
    images = torch.randn(1, 3, 32, 32)
    (expected,) = encoder(images)
    del encoder.layers[2:]
    torch.testing.assert_close(encoder(images)[0], expected)


def test_relative_positions_start_neutral() -> None:
    """Breaks when an encoder that was pre-trained without windows or tables starts
    its new task changed."""
    plain = vit(**MAP)
    images = torch.randn(1, 3, 32, 32)
    for relative in ('decomposed', 'table'):
        ours = ViT(ARCH, img_size=32, patch_size=8, relative_position=relative, **MAP).eval()
        ours.init_weights()
        ours.load_state_dict(plain.state_dict(), strict=False)
        torch.testing.assert_close(ours(images), plain(images), **CLOSE)


def test_drop_path_reaches_windowed_blocks() -> None:
    """Breaks when replacing the attention loses its drop path, or leaves the NumPy
    number in it that stops torch.compile."""
    encoder = vit(drop_path_rate=0.4, window_size=2, layer_scale_init_value=0.1, **MAP)
    rates = [layer.attn.out_drop.drop_prob for layer in encoder.layers]
    assert rates == pytest.approx(list(np.linspace(0, 0.4, 6)))
    assert {type(rate) for rate in rates} == {float}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(position='fixed'), "position is 'fixed'; choose from 'learned', 'sincos'"),
        (dict(relative_position='yes'), "choose from 'none', 'decomposed', 'table'"),
        (dict(window_size=2), 'set with_cls_token=False'),
        (dict(window_size=2, global_blocks=[6], **MAP), 'numbered 0 to 5'),
    ],
)
def test_options_that_cannot_be(options: dict, message: str) -> None:
    """Breaks when a wrong option is taken for another, or fails later and darkly."""
    with pytest.raises(ValueError, match=message):
        vit(**options)


def test_masks_and_pairs_need_plain_attention() -> None:
    """Breaks when windows or tables are applied to patches that are not a map."""
    encoder = vit(window_size=2, **MAP)
    images = torch.randn(1, 3, 32, 32)
    with pytest.raises(ValueError, match='window_size=0'):
        encoder.forward_visible(images, torch.arange(4)[None], [5])
    with pytest.raises(ValueError, match='window_size=0'):
        encoder.forward_pair(images, images)
