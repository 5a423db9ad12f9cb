"""The released depth models of Dark Secrets' authors: read, run, and written back.

Their files cannot be had here. The names are those that are known of them: SwinV2's of
the original code with ``rpe_mlp``, one norm for the stage that is put out, the decoder of
three deconvolutions, and ``module.`` before everything.
"""

import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import MODELS, DefaultScope

import mim_secrets.models.depth  # noqa: F401  registers the estimator
from mim_secrets.checkpoint.layouts import from_ours, layout_named, recognise, to_ours
from mim_secrets.checkpoint.reading import read_checkpoint
from mim_secrets.models import SwinV2
from tests.checkpoint.layout_checks import PREFIXES, assert_same, shaken, under
from tests.conftest import REPO

Tensors = dict[str, torch.Tensor]
ENCODER = dict(
    arch=dict(
        embed_dims=8, depths=[1, 2, 1, 1], num_heads=[1, 1, 2, 2], extra_norm_every_n_blocks=0
    ),
    img_size=64,
    window_size=[8, 8, 4, 2],
    pretrained_window_sizes=[6, 6, 6, 3],
)
# ours -> theirs, by hand
NAMES = (
    (r'^backbone\.stages\.(\d+)\.blocks\.', r'encoder.layers.\1.blocks.'),
    (r'^backbone\.', 'encoder.'),
    (r'patch_embed\.projection', 'patch_embed.proj'),
    (r'attn\.w_msa\.', 'attn.'),
    (r'attn\.cpb_mlp\.', 'attn.rpe_mlp.'),
    (r'ffn\.layers\.0\.0\.', 'mlp.fc1.'),
    (r'ffn\.layers\.1\.', 'mlp.fc2.'),
    (r'^decode_head\.prediction\.', 'last_layer_depth.'),
    (r'^decode_head\.', 'decoder.'),
)
BUFFERS = ('relative_position_index', 'relative_coords_table')


def estimator() -> torch.nn.Module:
    cfg = ConfigDict(
        type='mim_secrets.DepthEstimator',
        data_preprocessor=dict(type='SegDataPreProcessor'),
        backbone=dict(type='mim_secrets.SwinV2', **ENCODER),
        decode_head=dict(
            type='mim_secrets.DeconvDepthHead',
            in_channels=64,
            stride=32,
            channels=8,
            max_depth=10.0,
            loss=dict(type='mim_secrets.BatchSiLogLoss'),
        ),
        test_cfg=dict(mode='shifted', windows=2, flip=True),
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        return MODELS.build(cfg)


def released(model: torch.nn.Module) -> Tensors:
    """What the authors' program would save of the same weights."""
    theirs = {}
    for name, tensor in model.state_dict().items():
        if merging := re.match(r'backbone\.stages\.(\d+)\.downsample\.(.*)', name):
            # theirs ends a stage where ours begins the next
            name = f'encoder.layers.{int(merging[1]) - 1}.downsample.{merging[2]}'
            if merging[2] == 'reduction.weight':
                # of four patches in a square, ours has channel by channel, row by row;
                # theirs patch by patch, column by column
                blocks = tensor.view(len(tensor), -1, 2, 2)
                tensor = torch.cat([blocks[:, :, r, c] for c in (0, 1) for r in (0, 1)], dim=1)
        for pattern, theirs_is in NAMES:
            name = re.sub(pattern, theirs_is, name)
        theirs[f'module.{name}'] = tensor.clone()
    return theirs


@pytest.fixture(scope='module')
def model() -> torch.nn.Module:
    model = shaken(estimator())
    for name, buffer in model.named_buffers():
        if name.endswith('running_mean'):
            buffer.fill_(0.3)
    return model


@pytest.fixture
def convert(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> Callable[..., str]:
    """Run tools/model_converters/convert.py in this process."""
    spec = importlib.util.spec_from_file_location(
        'convert', REPO / 'tools/model_converters/convert.py'
    )
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, 'argv', ['convert.py', *arguments])
        tool.main()
        return capsys.readouterr().out

    return run


def test_the_file_has_the_names_that_are_known(model: torch.nn.Module) -> None:
    """Breaks when the file of these tests is no file of theirs any more."""
    names = set(released(model))
    block = 'module.encoder.layers.1.blocks.1.'
    expected = {
        'module.encoder.patch_embed.proj.weight',
        *(f'{block}attn.{part}' for part in ('q_bias', 'v_bias', 'qkv.weight', 'logit_scale')),
        *(f'{block}attn.rpe_mlp.{part}' for part in ('0.weight', '0.bias', '2.weight')),
        *(f'{block}{part}.weight' for part in ('norm1', 'norm2', 'mlp.fc1', 'mlp.fc2')),
        'module.encoder.layers.2.downsample.reduction.weight',
        'module.encoder.layers.2.downsample.norm.bias',
        'module.encoder.norm3.weight',
        *(f'module.decoder.deconv_layers.{index}.weight' for index in (0, 1, 3, 4, 6, 7)),
        'module.decoder.deconv_layers.7.running_var',
        'module.decoder.conv_layers.0.bias',
        'module.decoder.conv_layers.1.num_batches_tracked',
        'module.last_layer_depth.0.weight',
        'module.last_layer_depth.2.bias',
    }
    assert expected <= names
    assert all(
        name.startswith(('module.encoder', 'module.decoder', 'module.last')) for name in names
    )


def test_a_released_model_goes_through_convert_and_says_the_same(
    convert: Callable[..., str], model: torch.nn.Module
) -> None:
    """Breaks when any weight of encoder or decoder is lost, moved or reordered."""
    torch.save(released(model), 'nyu.ckpt')
    said = convert('nyu.ckpt', 'ours.pth', '--to', 'mim_secrets')
    assert 'mim-depth names of a swin_v2 under module.encoder.' in said
    loaded = estimator()
    fresh = {name: tensor.clone() for name, tensor in loaded.state_dict().items()}
    tensors = read_checkpoint('ours.pth')
    loaded.load_state_dict(tensors)
    assert {name for name in fresh if name not in tensors} == {
        name for name in fresh if name.endswith('relative_position_index')
    }
    assert_same(loaded.state_dict(), model.state_dict())
    images = torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected, actual = (m.eval().inference(images, []) for m in (model, loaded))
    assert expected.std() > 0.01
    assert torch.equal(actual, expected)


def test_it_comes_back(convert: Callable[..., str], model: torch.nn.Module) -> None:
    """Breaks when their program could not load what we have trained."""
    theirs = released(model)
    torch.save(under('', model.state_dict()), 'ours.pth')
    convert('ours.pth', 'theirs.pth', '--to', 'mim-depth')
    written = under('module.', read_checkpoint('theirs.pth'))
    assert_same(written, {n: t for n, t in theirs.items() if not n.endswith(BUFFERS[0])})


@pytest.mark.parametrize('prefix', PREFIXES)
def test_it_is_told_by_its_norm(model: torch.nn.Module, prefix: str) -> None:
    """Breaks when a depth model is taken for a pre-trained SimMIM, whose last norm has
    another name, or the reverse."""
    theirs = {name.removeprefix('module.'): t for name, t in released(model).items()}
    found = recognise(under(prefix, theirs))
    assert (found.layout.name, found.prefix) == ('mim-depth', f'{prefix}encoder.')
    pretrained = {name: t for name, t in theirs.items() if not name.startswith('encoder.norm3')}
    for part in ('weight', 'bias'):
        pretrained[f'encoder.norm.{part}'] = theirs[f'encoder.norm3.{part}']
    assert recognise(under(prefix, pretrained)).layout.name == 'simmim'


def test_an_encoder_starts_from_a_depth_model(model: torch.nn.Module) -> None:
    """Breaks when other tasks cannot begin with the encoder of a released depth model."""
    torch.manual_seed(0)
    converted = to_ours(released(model)).tensors
    encoder = SwinV2(**ENCODER)
    state = {n.removeprefix('backbone.'): t for n, t in converted.items() if 'backbone' in n}
    encoder.load_state_dict(state)
    assert_same(encoder.state_dict(), model.backbone.state_dict())


def test_other_houses_leave_the_decoder_behind_by_name(model: torch.nn.Module) -> None:
    """Breaks when a layout without place for the decoder drops it without a word."""
    written = from_ours(model.state_dict(), layout_named('mmpretrain', 'swin_v2'))
    dropped = {name for name in written.dropped if not name.endswith(BUFFERS)}
    assert dropped == {name for name in model.state_dict() if name.startswith('decode_head.')}
