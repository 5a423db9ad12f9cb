"""Files of Swin Transformers from houses that are not installed, and where they go.

The names in such files are written down here, from Microsoft's own code.
"""

import numpy as np
import pytest
import torch
from mmpretrain.models.utils import PatchMerging

from mim_secrets.checkpoint.layouts import LAYOUTS, Layout, from_ours, layout_named, to_ours
from mim_secrets.models import Swin, SwinV2
from tests.checkpoint.layout_checks import (
    PREFIXES,
    check_round_trip,
    check_told,
    encoder_of,
    parameters_of,
    random_tensors,
    shaken,
    under,
)
from tests.checkpoint.test_layouts_swin import DEPTHS, DIMS, HEADS, WINDOW, family, ours


def swin(version: int, at: str = '', mlp: str = 'cpb_mlp') -> dict[str, tuple[int, ...]]:
    """Names and shapes of a Swin or SwinV2 of the original code under ``at``."""
    shapes: dict[str, tuple[int, ...]] = {'patch_embed.proj.weight': (DIMS, 3, 4, 4)}
    vectors = ['patch_embed.proj.bias', 'patch_embed.norm.weight', 'patch_embed.norm.bias']
    shapes |= dict.fromkeys(vectors, (DIMS,))
    for stage, (depth, heads) in enumerate(zip(DEPTHS, HEADS, strict=True)):
        dims = DIMS * 2**stage
        for block in range(depth):
            name = f'layers.{stage}.blocks.{block}'
            small = ('norm1.weight', 'norm1.bias', 'norm2.weight', 'norm2.bias', 'attn.proj.bias')
            shapes |= {f'{name}.{part}': (dims,) for part in (*small, 'mlp.fc2.bias')}
            shapes |= {
                f'{name}.attn.qkv.weight': (3 * dims, dims),
                f'{name}.attn.proj.weight': (dims, dims),
                f'{name}.attn.relative_position_index': (WINDOW**2, WINDOW**2),
                f'{name}.mlp.fc1.weight': (4 * dims, dims),
                f'{name}.mlp.fc1.bias': (4 * dims,),
                f'{name}.mlp.fc2.weight': (dims, 4 * dims),
            }
            if block % 2:
                shapes[f'{name}.attn_mask'] = (4**2, WINDOW**2, WINDOW**2)
            if version == 1:
                shapes[f'{name}.attn.qkv.bias'] = (3 * dims,)
                table = f'{name}.attn.relative_position_bias_table'
                shapes[table] = ((2 * WINDOW - 1) ** 2, heads)
            else:
                shapes |= {
                    f'{name}.attn.logit_scale': (heads, 1, 1),
                    f'{name}.attn.q_bias': (dims,),
                    f'{name}.attn.v_bias': (dims,),
                    f'{name}.attn.relative_coords_table': (1, 2 * WINDOW - 1, 2 * WINDOW - 1, 2),
                    f'{name}.attn.{mlp}.0.weight': (512, 2),
                    f'{name}.attn.{mlp}.0.bias': (512,),
                    f'{name}.attn.{mlp}.2.weight': (heads, 512),
                }
        if stage < len(DEPTHS) - 1:
            name = f'layers.{stage}.downsample'
            shapes[f'{name}.reduction.weight'] = (2 * dims, 4 * dims)
            width = 4 * dims if version == 1 else 2 * dims
            shapes |= {f'{name}.norm.weight': (width,), f'{name}.norm.bias': (width,)}
    shapes |= {'norm.weight': (dims,), 'norm.bias': (dims,)}
    return under(at, shapes)


CLASSIFIER = {'head.weight': (10, 4 * DIMS), 'head.bias': (10,)}
PRETRAINING = {
    'encoder.mask_token': (1, 1, DIMS),
    'decoder.0.weight': (3 * 16**2, 4 * DIMS, 1, 1),
    'decoder.0.bias': (3 * 16**2,),
}
LISTS = {
    'Swin': (swin(1) | CLASSIFIER, 'swin-transformer'),
    'Swin V2': (swin(2) | CLASSIFIER, 'swin-transformer'),
    'SimMIM': (swin(1, 'encoder.') | PRETRAINING, 'simmim'),
    'SimMIM V2': (swin(2, 'encoder.', 'rpe_mlp') | PRETRAINING, 'simmim'),
}


@pytest.mark.parametrize('prefix', PREFIXES)
@pytest.mark.parametrize('name', LISTS)
def test_a_list_is_told_and_comes_back(name: str, prefix: str) -> None:
    """Breaks when a name that these files have is lost, changed or taken for another,
    or when more than the two buffers that a window implies is dropped."""
    shapes, layout = LISTS[name]
    tensors = random_tensors(under(prefix, shapes))
    found = check_told(tensors, layout, family(name), '')
    buffers = ('relative_position_index', 'attn_mask')
    check_round_trip(tensors, found, frozenset(n for n in tensors if n.endswith(buffers)))


@pytest.mark.parametrize('at', ['', 'encoder.'])
@pytest.mark.parametrize('mlp', ['cpb_mlp', 'rpe_mlp'])
def test_either_name_of_the_bias_mlp_is_read(at: str, mlp: str) -> None:
    """Breaks when DarkSecrets' and Swin's files differ in more than that name."""
    tensors = random_tensors(swin(2, at, mlp))
    converted = to_ours(tensors).tensors
    name = f'{at}layers.1.blocks.0.attn.{mlp}.2.weight'
    mine = 'backbone.stages.1.blocks.0.attn.w_msa.cpb_mlp.2.weight'
    assert converted[mine] is tensors[name]
    ours(SwinV2)().load_state_dict(encoder_of(tensors))


@pytest.mark.parametrize('house', ['timm', 'huggingface'])
def test_the_table_of_offsets_survives_for_whoever_asks_about_the_window(house: str) -> None:
    """Breaks when the one trace of the window of pre-training is thrown away, or when
    it is written for a house whose models would not take it any more."""
    tensors = random_tensors(swin(2, 'encoder.', 'rpe_mlp'))
    converted = to_ours(tensors)
    theirs = 'encoder.layers.0.blocks.1.attn.relative_coords_table'
    ours = 'backbone.stages.0.blocks.1.attn.w_msa.relative_coords_table'
    assert converted.tensors[ours] is tensors[theirs]

    written = from_ours(converted.tensors, layout_named(house, 'swin_v2'))
    assert written.dropped[ours] == 'recomputed from the window'
    weight = next(n for n in written.tensors if '.0.blocks.1.' in n and n.endswith('logit_scale'))
    old_file = written.tensors | {
        weight.replace('logit_scale', 'relative_coords_table'): tensors[theirs]
    }
    assert to_ours(old_file).tensors[ours] is tensors[theirs]


def test_buffers_that_a_window_implies_stay_behind() -> None:
    """Breaks when those of one window reach an encoder with another."""
    state = under('backbone.', ours(Swin)().state_dict())
    block = 'backbone.stages.0.blocks.1.'
    buffers = [block + 'attn.attn_mask', block + 'attn.w_msa.relative_position_index']
    converted = to_ours(state | dict.fromkeys(buffers, torch.zeros(1)))
    assert all(converted.dropped[name] == 'recomputed from the window' for name in buffers)
    assert not converted.tensors.keys() & set(buffers)


def merged(maps: np.ndarray, norm: dict, reduction: np.ndarray, post: bool) -> np.ndarray:
    """Four patches side by side, as the original code puts them, before the matrix."""
    blocks = [maps[row::2, column::2] for column in (0, 1) for row in (0, 1)]
    tokens = np.concatenate(blocks, axis=-1)

    def normed(x: np.ndarray) -> np.ndarray:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        return centred / deviation * norm['weight'] + norm['bias']

    return normed(tokens @ reduction.T) if post else normed(tokens) @ reduction.T


@pytest.mark.parametrize('version', [1, 2])
def test_patch_merging_is_what_numpy_says(version: int) -> None:
    """Breaks when rows and columns of the four patches change places."""
    tensors = random_tensors(swin(version))
    name = 'layers.0.downsample'
    norm = {part: tensors[f'{name}.norm.{part}'].numpy() for part in ('weight', 'bias')}
    maps = np.random.default_rng(0).normal(size=(6, 4, DIMS)).astype(np.float32)
    reduction = tensors[f'{name}.reduction.weight'].numpy()
    expected = merged(maps, norm, reduction, post=version == 2)
    converted = encoder_of(tensors)
    module = PatchMerging(DIMS, 2 * DIMS, use_post_norm=version == 2)
    at = f'stages.{version - 1}.downsample.'
    module.load_state_dict({n.removeprefix(at): t for n, t in converted.items() if at in n})
    tokens = torch.from_numpy(maps).flatten(0, 1)[None]
    actual, grid = module(tokens, (6, 4))
    assert grid == (3, 2)
    np.testing.assert_allclose(actual.detach()[0].reshape(3, 2, -1), expected, atol=1e-5)


WRITTEN = [layout for layout in LAYOUTS if layout.family.startswith('swin')]


@pytest.mark.parametrize('target', WRITTEN, ids=lambda layout: f'{layout.name}-{layout.family}')
def test_what_pretraining_wrote_goes_everywhere_and_comes_back(target: Layout) -> None:
    """Breaks when a layout loses a part of the encoder, or drops without a word."""
    kind = {'swin': Swin, 'swin_v2': SwinV2}[target.family]
    state = under('backbone.', parameters_of(shaken(ours(kind, with_mask_token=True)())))
    state |= random_tensors({'neck.decoder.0.weight': (768, 4 * DIMS, 1, 1)})
    written = from_ours(state, target)
    back = to_ours(written.tensors).tensors
    no_decoder = target.name in ('timm', 'swin-transformer')
    assert written.dropped.keys() == ({'neck.decoder.0.weight'} if no_decoder else set())
    assert back.keys() == state.keys() - written.dropped.keys()
    for name, tensor in back.items():
        assert torch.equal(tensor, state[name]), name
