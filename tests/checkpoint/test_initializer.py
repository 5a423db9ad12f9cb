"""Encoders that start from what pre-training wrote."""

import http.server
import threading
from functools import partial
from pathlib import Path

import pytest
import safetensors.torch
import torch
from mmengine.registry import MODELS, DefaultScope
from mmpretrain.registry import MODELS as PRETRAIN_MODELS
from torch import nn

from mim_secrets.checkpoint.loading import load_encoder
from mim_secrets.checkpoint.resizing import resize_bias_table
from mim_secrets.models import Swin, SwinV2, ViT
from tests.models.small import ARCH, small_model
from tests.models.test_replknet import ARCH as REPLKNET_ARCH
from tests.models.test_replknet import OPTIONS

SWIN = dict(arch=dict(embed_dims=16, depths=[2, 2], num_heads=[2, 4]), img_size=32, patch_size=4)
SWIN_V2 = {**SWIN, 'arch': dict(SWIN['arch'], extra_norm_every_n_blocks=0)}


def build(checkpoint: Path | str, source_grid=None, **options) -> ViT:
    cfg = dict(type='mim_secrets.ViT', arch=ARCH, img_size=32, patch_size=8)
    cfg.update(options)
    init_cfg = dict(type='SharedCheckpoint', checkpoint=str(checkpoint))
    if source_grid:
        init_cfg['source_grid'] = source_grid
    encoder = MODELS.build(dict(cfg, init_cfg=init_cfg))
    encoder.init_weights()
    return encoder


def save(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    torch.save(dict(state_dict=tensors), folder / 'epoch_1.pth')
    return folder / 'epoch_1.pth'


@pytest.mark.parametrize('layout', ['ours', 'encoder alone', 'student of a file'])
def test_the_encoder_is_found_whatever_surrounds_it(tmp_path, layout) -> None:
    """Breaks when a prefix, the decoder or the fusion gets in the way, or when
    mmengine initialises the blocks after they were loaded."""
    model = small_model('MFF')
    state = model.state_dict()
    if layout == 'encoder alone':
        state = model.backbone.state_dict()
    if layout == 'student of a file':
        state = {f'module.student.{name}': tensor for name, tensor in state.items()}
    save(tmp_path, state)
    encoder = build(tmp_path, out_type='raw')
    for name, tensor in model.backbone.state_dict().items():
        assert torch.equal(encoder.state_dict()[name], tensor), name


@pytest.mark.parametrize('scope', ['mim_secrets', 'mmpretrain', 'mmengine'])
@pytest.mark.parametrize('name', ['SharedCheckpoint', 'mim_secrets.SharedCheckpoint'])
@pytest.mark.parametrize('kind', ['mim_secrets.ViT', 'mmpretrain.VisionTransformer'])
def test_nothing_is_drawn_over_what_was_loaded(tmp_path, name: str, kind: str, scope: str) -> None:
    """Breaks when blocks or positions are initialised after the file was read because the
    initializer is named with its scope, stands in a list, or the encoder is mmpretrain's; or
    when the name is not found in a config of another library."""
    state = small_model('MFF').backbone.state_dict()
    state['pos_embed'] = torch.randn_like(state['pos_embed'])
    start = dict(type=name, checkpoint=str(save(tmp_path, state)))
    normal = dict(type='Constant', layer='Linear', val=0.5)
    for init_cfg in (start, [normal, start]):
        cfg = dict(type=kind, arch=ARCH, img_size=32, patch_size=8, init_cfg=init_cfg)
        with DefaultScope.overwrite_default_scope(scope):
            encoder = PRETRAIN_MODELS.build(cfg)
            encoder.init_weights()
        loaded = encoder.state_dict()
        assert [key for key in state if not torch.equal(loaded[key], state[key])] == []


TWICE = {
    'ViT': dict(arch=ARCH, img_size=32, patch_size=8),
    'SwinV2': dict(SWIN_V2, out_indices=(1,)),
    'RepLKNet': dict(OPTIONS, arch=REPLKNET_ARCH, out_indices=(2,), with_mask_token=True),
}


@pytest.mark.parametrize('start', ['scratch', 'checkpoint'])
@pytest.mark.parametrize('kind', TWICE)
def test_a_trained_encoder_is_not_initialised_again(tmp_path, kind: str, start: str) -> None:
    """Breaks when a second call draws weights anew, or reads the checkpoint again, as if
    nothing had been learnt since the first."""
    encoder = MODELS.build(dict(TWICE[kind], type=f'mim_secrets.{kind}'))
    if start == 'checkpoint':
        path = save(tmp_path, encoder.state_dict())
        encoder.init_cfg = dict(type='SharedCheckpoint', checkpoint=str(path))
    encoder.init_weights()
    for parameter in encoder.parameters():
        nn.init.constant_(parameter, 0.25)
    encoder.init_weights()
    assert [name for name, p in encoder.named_parameters() if (p != 0.25).any()] == []


def test_safetensors_and_addresses(tmp_path: Path) -> None:
    """Breaks when the initializer only takes what mmengine writes to the disk."""
    model = small_model('MAE')
    safetensors.torch.save_file(model.state_dict(), tmp_path / 'a.safetensors')
    save(tmp_path, model.state_dict())
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f'http://127.0.0.1:{server.server_port}/epoch_1.pth'
        encoders = [build(tmp_path / 'a.safetensors'), build(address)]
        server.shutdown()
    for encoder in encoders:
        weight = 'layers.3.attn.qkv.weight'
        assert torch.equal(encoder.state_dict()[weight], model.backbone.state_dict()[weight])


def test_positions_are_resized(tmp_path: Path) -> None:
    """Breaks when a checkpoint only fits the size that it was trained at."""
    model = small_model('MAE')
    path = save(tmp_path, model.state_dict())
    encoder = build(path, img_size=48, out_type='raw')
    expected = model.backbone.positions((6, 6))
    torch.testing.assert_close(encoder.pos_embed.data, expected.data)


def test_an_upright_encoder_without_class_token(tmp_path: Path) -> None:
    """Breaks when what mmpose's pose estimators are built like is refused, as
    mmpretrain's own loading refuses it, or the class row shifts every position."""
    model = small_model('MAE')
    path = save(tmp_path, model.state_dict())
    encoder = build(path, img_size=(64, 48), out_type='featmap', with_cls_token=False)
    expected = model.backbone.positions((8, 6))[:, 1:]
    torch.testing.assert_close(encoder.pos_embed.data, expected.data)


def test_a_rectangle_is_a_matter_of_saying_so(tmp_path: Path) -> None:
    """Breaks when an encoder pre-trained on rectangles cannot be used at another
    size."""
    model = small_model('MAE', img_size=(32, 48))
    path = save(tmp_path, model.state_dict())
    with pytest.raises(ValueError, match='25 rows, which is no square grid; name'):
        build(path)
    encoder = build(path, source_grid=(4, 6), out_type='raw')
    expected = model.backbone.positions((4, 4))
    torch.testing.assert_close(encoder.pos_embed.data, expected.data)


def test_what_became_of_everything(tmp_path: Path) -> None:
    """Breaks when the table that users read hides a tensor, or gives no reason."""
    model = small_model('MFF')
    encoder = ViT(
        ARCH,
        img_size=(64, 48),
        patch_size=8,
        out_type='featmap',
        with_cls_token=False,
        final_norm=False,
        window_size=3,
        relative_position='decomposed',
    )
    lines = load_encoder(encoder, model.state_dict(), 'FILE').splitlines()
    table = dict(line.strip().split(maxsplit=1) for line in lines[1:4])
    assert lines[0].startswith('SharedCheckpoint: FILE, ')
    assert table['matched'].startswith('75 tensors, ')
    assert table['resized'] == 'pos_embed 4x4 -> 8x6 and 1 -> 0 extra rows (1)'
    beside = len(model.state_dict()) - len(model.backbone.state_dict())
    assert f'decoder, fusion and head stay behind ({beside})' in table['dropped']
    assert 'this encoder has no class token (1)' in table['dropped']
    assert 'this encoder does not normalise its last block (2)' in table['dropped']
    left = lines[4].strip()
    assert left == 'at init  layers.*.attn.rel_pos_h (6); layers.*.attn.rel_pos_w (6)'


def test_a_pooled_encoder_may_keep_its_new_norm(tmp_path: Path) -> None:
    """Breaks when fine-tuning with average pooling, whose norm no pre-training
    has, is refused or loses the rest."""
    model = small_model('MFF')
    path = save(tmp_path, model.state_dict())
    encoder = build(path, out_type='avg_featmap', final_norm=False)
    weight = 'layers.3.attn.qkv.weight'
    assert torch.equal(encoder.state_dict()[weight], model.backbone.state_dict()[weight])


def swin(kind: type[nn.Module], window: int, **options) -> nn.Module:
    base = SWIN if kind is Swin else SWIN_V2
    encoder = kind(**{**base, 'window_size': window, 'out_indices': [1], **options})
    encoder.init_weights()
    return encoder


def test_a_swin_of_another_window() -> None:
    """Breaks when bias tables, which mmpretrain can no longer resize, are dropped, or
    resized for the wrong window."""
    file, encoder = swin(Swin, 4), swin(Swin, 5)
    table = load_encoder(encoder, file.state_dict(), 'FILE')
    name = 'stages.1.blocks.1.attn.w_msa.relative_position_bias_table'
    expected = resize_bias_table(file.get_parameter(name), (4, 4), (5, 5))
    torch.testing.assert_close(encoder.get_parameter(name), expected)
    bias = 'stages.*.blocks.*.attn.w_msa.relative_position_bias_table'
    assert f'{bias} window 4x4 -> 5x5 (4)' in table


def test_a_swin_of_another_size() -> None:
    """Breaks when the absolute positions of a Swin are not resized."""
    options = dict(use_abs_pos_embed=True)
    file, encoder = swin(Swin, 4, **options), swin(Swin, 4, img_size=(48, 64), **options)
    table = load_encoder(encoder, file.state_dict(), 'FILE')
    assert 'absolute_pos_embed 8x8 -> 12x16 (1)' in table


def test_a_swin_v2_needs_the_window_of_pre_training() -> None:
    """Breaks when distances are measured by another window than the file's, which
    loads without complaint."""
    file = swin(SwinV2, 4)
    with pytest.raises(ValueError, match=r'windows of \[4, 4\], .* for \[8, 8\]; set pretrained_w'):
        load_encoder(swin(SwinV2, 8), file.state_dict(), 'FILE')
    encoder = swin(SwinV2, 8, pretrained_window_sizes=[4, 4])
    load_encoder(encoder, file.state_dict(), 'FILE')
    name = 'stages.0.blocks.1.attn.w_msa.cpb_mlp.0.weight'
    assert torch.equal(encoder.get_parameter(name), file.get_parameter(name))


def test_another_family_is_refused() -> None:
    """Breaks when a Swin's file leaves a ViT at its initial values."""
    with pytest.raises(ValueError, match='FILE: the file holds a swin encoder .* ViT is a vit;'):
        load_encoder(small_model('MAE').backbone, swin(Swin, 4).state_dict(), 'FILE')


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    """Breaks when an encoder silently starts from noise."""
    path = save(tmp_path, {'head.fc.weight': torch.zeros(3, 3)})
    with pytest.raises(ValueError, match=f'{path}: '):
        build(path)


def test_a_part_of_an_encoder_is_refused() -> None:
    """Breaks when a few missing blocks are forgiven, or the error leaves the user to
    find out which keys were meant."""
    tensors = small_model('MAE').state_dict()
    for name in [name for name in tensors if name.startswith('backbone.layers.5.')]:
        tensors[name.replace('layers.5.', 'layers.5.old_')] = tensors.pop(name)
    message = (
        r'read as \w+ \(.*\) and gives 8\d\.\d% of the parameters of ViT, of which 99% are '
        r'needed; layers\.5\.\S+, .* missing, the nearest unused keys are layers\.5\.old_'
    )
    with pytest.raises(ValueError, match=message):
        load_encoder(small_model('MAE').backbone, tensors, 'FILE')


def test_a_checkpoint_of_another_width_is_refused() -> None:
    """Breaks when tensors of another shape are skipped without a word."""
    wide = ViT(arch={**ARCH, 'embed_dims': 96}, img_size=32, patch_size=8)
    with pytest.raises(ValueError, match=r'is \(1, 1, 48\) in the file and \(1, 1, 96\) in'):
        load_encoder(wide, small_model('MAE').state_dict(), 'FILE')


def test_a_failed_load_changes_nothing() -> None:
    """Breaks when an encoder is half loaded by the time that the error is found."""
    encoder = small_model('MAE').backbone
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    tensors = small_model('MFF').state_dict()
    tensors['backbone.layers.5.ffn.layers.1.weight'] = torch.zeros(3, 3)
    with pytest.raises(ValueError, match='layers.5.ffn.layers.1.weight is'):
        load_encoder(encoder, tensors, 'FILE')
    for name, tensor in encoder.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_no_checkpoint_says_what_to_pass() -> None:
    """Breaks when the empty default of the configs trains from scratch unasked."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        build('')
