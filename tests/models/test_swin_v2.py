"""SwinV2 against mmpretrain's SwinV2, and its attention against the definition."""

import numpy as np
import pytest
import torch
from timm.models.swin_transformer_v2 import SwinTransformerV2 as TimmSwinV2

from mim_secrets.models import SwinV2
from mim_secrets.models.backbones.swin_attention import ShiftedWindows
from mim_secrets.models.backbones.swin_v2 import CosineAttention, SwinBlockV2
from mim_secrets.models.backbones.windows import split_windows
from tests.models.swin_oracles import (
    ARCH,
    ARCHS,
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
# windows; pre-trained with others; norms of the huge model; position embedding resized.
CASES = [
    ((64, 64), 4, {}),
    ((72, 72), 4, {}),
    ((70, 75), 4, {}),
    ((88, 72), 4, {}),
    ((64, 64), (7, 5, 2), {}),
    ((64, 64), (8, 4, 2), dict(pretrained_window_sizes=(6, 6, 3))),
    ((64, 64), 4, dict(arch=dict(ARCH, depths=[2, 3, 2], extra_norm_every_n_blocks=2))),
    ((72, 88), 4, dict(use_abs_pos_embed=True)),
]


@pytest.mark.parametrize(('size', 'window', 'options'), CASES)
def test_features_are_mmpretrains(size, window, options) -> None:
    """Breaks on any change of mathematics: shift, mask, padding, cosines, norms."""
    their_model = theirs(SwinV2, window, **options)
    our_model = small(SwinV2, window_size=window, **options)
    our_model.load_state_dict(their_model.state_dict())
    batch = images(*size)
    with torch.no_grad():
        expected, actual = their_model(batch), our_model(batch)
    assert len(actual) == len(expected) == 3
    for ours, reference in zip(actual, expected):
        torch.testing.assert_close(ours, reference, rtol=1e-5, atol=1e-5)


def test_gradients_are_mmpretrains() -> None:
    """Breaks when a parameter is detached, or what is cut off after padding still counts."""
    their_model, our_model = theirs(SwinV2), small(SwinV2)
    our_model.load_state_dict(their_model.state_dict())
    batch = images(72, 88)
    their_model.train()
    expected = gradients(their_model, their_model(batch))
    assert_gradients_close(gradients(our_model, our_model.train()(batch)), expected)


def test_names_travel_both_ways() -> None:
    """Breaks when a parameter or buffer has another name, shape or value than there."""
    options = dict(
        use_abs_pos_embed=True,
        arch=dict(ARCH, extra_norm_every_n_blocks=2),
        pretrained_window_sizes=(6, 6, 3),
    )
    their_model = theirs(SwinV2, (7, 5, 2), **options)
    our_model = small(SwinV2, window_size=(7, 5, 2), **options)
    expected = their_model.state_dict()
    our_model.load_state_dict(expected, strict=True)
    state = our_model.state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        assert torch.equal(state[name], tensor), name
    # their class throws its own buffers away while loading, then misses them
    result = their_model.load_state_dict(state, strict=False)
    assert not result.unexpected_keys
    assert set(result.missing_keys) == {name for name, _ in their_model.named_buffers()}


# window, shift: shifted and padded; not shifted; covered and so cut; covered on one axis.
WINDOWS = [
    ((6, 7), (4, 4), (2, 2)),
    ((6, 7), (4, 4), (0, 0)),
    ((3, 2), (3, 2), (0, 0)),
    ((3, 7), (3, 4), (0, 2)),
]


@pytest.mark.parametrize('pretrained', [0, 6])
@pytest.mark.parametrize(('grid', 'window', 'shift'), WINDOWS)
def test_attention_is_its_definition(grid, window, shift, pretrained) -> None:
    """Breaks when cosines lose their clamped scale, when keys get a bias, when offsets
    are measured against the cut window, or when a token sees across the rim."""
    shifted = any(shift) or grid == window
    module = ShiftedWindows(CosineAttention(8, 2, 4, pretrained), shifted)
    shake(module)
    w_msa = module.w_msa
    # 100 times a cosine is not small beside the -100 that parts tokens after a shift
    exponent = 3.0 if any(shift) else 9.0
    w_msa.logit_scale.data = torch.tensor([0.7, exponent])[:, None, None]
    module.double()
    unit = (pretrained or 4) - 1
    q_bias, v_bias = w_msa.q_bias.detach().numpy(), w_msa.v_bias.detach().numpy()
    scale = np.exp([0.7, exponent]).clip(max=100)[:, None, None]

    def logits_of(tokens: np.ndarray, offsets: np.ndarray):
        qkv = linear(w_msa.qkv, tokens) + np.concatenate([q_bias, 0 * q_bias, v_bias])
        query, key, value = qkv.reshape(-1, 3, 2, 4).swapaxes(0, 1)
        query = query / np.linalg.norm(query, axis=-1, keepdims=True)
        key = key / np.maximum(np.linalg.norm(key, axis=-1, keepdims=True), 1e-12)
        steps = 8 * offsets / unit
        steps = np.sign(steps) * np.log2(1 + np.abs(steps)) / np.log2(8)
        hidden = np.maximum(linear(w_msa.cpb_mlp[0], steps), 0)
        bias = 16 / (1 + np.exp(-linear(w_msa.cpb_mlp[2], hidden)))
        cosines = np.einsum('qhd,khd->hqk', query, key)
        return scale * cosines + bias.transpose(2, 0, 1), value

    maps = torch.randn(2, *grid, 8, generator=torch.Generator().manual_seed(3)).double()
    with torch.no_grad():
        actual = module(maps).numpy()
    for result, tokens in zip(actual, maps):
        mixed = attention_by_definition(padded(tokens, window), window, shift, logits_of)
        expected = linear(w_msa.proj, mixed)[: grid[0], : grid[1]]
        # the table of coordinates is float32
        np.testing.assert_allclose(result, expected, atol=1e-6)


def test_a_window_beyond_the_map_is_one_of_the_maps_size() -> None:
    """Breaks when a covering window pads, shifts, or measures offsets against the map."""
    large = small(SwinV2, window_size=20)
    exact = small(SwinV2, window_size=(16, 8, 4), pretrained_window_sizes=20)
    exact.load_state_dict(large.state_dict())
    batch = images(64, 64)
    with torch.no_grad():
        for wide, narrow in zip(large(batch), exact(batch)):
            torch.testing.assert_close(wide, narrow, rtol=1e-5, atol=1e-5)


def test_a_fresh_block_is_the_identity_as_in_timm() -> None:
    """Breaks when norms behind branches begin at one, as in mmpretrain."""
    torch.manual_seed(0)
    ours = SwinV2(ARCHS[SwinV2], img_size=64, window_size=4, out_indices=(2,))
    ours.init_weights()
    sizes = {key: ARCH[key] for key in ('depths', 'num_heads')}
    timms = TimmSwinV2(img_size=64, window_size=4, embed_dim=ARCH['embed_dims'], **sizes)
    maps = torch.rand(1, 16, 16, ARCH['embed_dims'])
    for block in (*ours.stages[0].blocks, *timms.layers[0].blocks):
        assert torch.equal(block(maps), maps)


def test_a_dropped_branch_leaves_nothing() -> None:
    """Breaks when drop path stands before the norm, whose bias would stay."""
    options = dict(window=4, shifted=False, pretrained_window=0, extra_norm=False)
    block = SwinBlockV2(dims=8, num_heads=2, drop_path=0.9, **options)
    shake(block)
    maps = torch.randn(64, 4, 4, 8)
    torch.manual_seed(0)
    outputs = block.train()(maps)
    untouched = (outputs == maps).flatten(1).all(dim=1)
    assert 0 < untouched.sum() < 64


def test_padding_is_harmless_in_half_precision() -> None:
    """Breaks when keys of padding, which are zero, are divided by a float16 zero."""
    module = CosineAttention(8, 2, 4, 0)
    shake(module)
    maps = torch.randn(1, 8, 8, 8)
    maps[:, 6:] = 0
    windows = split_windows(maps, (4, 4))
    with torch.no_grad():
        expected = module(windows, (4, 4))
        actual = module.half()(windows.half(), (4, 4))
    torch.testing.assert_close(actual.float(), expected, rtol=0, atol=0.02)


def test_depths_are_mmpretrains_convention() -> None:
    """Breaks when blocks count otherwise than in Swin, or a merging, which stands at the
    start of a stage here, does not go with the block before it."""
    model = small(SwinV2)
    assert model.get_layer_depth('patch_embed.norm.bias') == (0, 8)
    assert model.get_layer_depth('stages.0.blocks.1.attn.w_msa.logit_scale') == (2, 8)
    assert model.get_layer_depth('stages.1.downsample.norm.weight') == (2, 8)
    assert model.get_layer_depth('stages.1.blocks.0.norm1.weight') == (3, 8)
    assert model.get_layer_depth('stages.2.downsample.reduction.weight') == (4, 8)
    for name in ('norm2.weight', 'mask_token', 'absolute_pos_embed'):
        assert model.get_layer_depth(name) == (7, 8)
    assert model.get_layer_depth('neck.patch_embed.weight', 'backbone.') == (7, 8)


def test_depths_with_mergings_are_the_depth_papers() -> None:
    """Breaks when depths [2, 2, 18, 2] do not make 29 ids, each with its place."""
    arch = dict(ARCHS[SwinV2], embed_dims=4, depths=[2, 2, 18, 2], num_heads=[1, 1, 1, 1])
    model = small(SwinV2, arch=arch, with_mask_token=True, use_abs_pos_embed=True)
    expected = {0: {'patch_embed', 'mask_token', 'absolute_pos_embed'}}
    expected.update({1 + b: {f'stages.0.blocks.{b}'} for b in range(2)})
    expected.update({4 + b: {f'stages.1.blocks.{b}'} for b in range(2)})
    expected.update({7 + b: {f'stages.2.blocks.{b}'} for b in range(18)})
    expected.update({26 + b: {f'stages.3.blocks.{b}'} for b in range(2)})
    expected.update({3: {'stages.1.downsample'}, 6: {'stages.2.downsample'}})
    expected.update({25: {'stages.3.downsample'}, 28: {'norm0', 'norm1', 'norm2'}})
    found: dict[int, set[str]] = {}
    for name, _ in model.named_parameters():
        depth, count = model.get_layer_depth(f'backbone.{name}', 'backbone.', merging_counts=True)
        assert count == 29
        parts = name.split('.')
        length = {'blocks': 4, 'downsample': 3}[parts[2]] if parts[0] == 'stages' else 1
        found.setdefault(depth, set()).add('.'.join(parts[:length]))
    assert found == expected
    assert sorted(found) == list(range(29))
