"""One file from pre-training, loaded by config alone into four libraries."""

from pathlib import Path

import pytest
import torch

from mim_secrets.checkpoint.layouts import from_ours, layout_named
from mim_secrets.models import SwinV2
from tests.checkpoint.houses import HOUSES, build_house, train_one_step
from tests.models.small import ARCH, small_model
from tests.models.swin_oracles import shake

pytestmark = pytest.mark.slow

VIT = dict(type='mim_secrets.ViT', arch=ARCH, patch_size=8)
# What each task asks of a ViT: windows and no class token in detection, bias tables
# and several levels in segmentation, an upright grid in pose estimation.
TASKS = dict(
    mmdet=dict(
        VIT,
        img_size=64,
        out_type='featmap',
        with_cls_token=False,
        final_norm=False,
        window_size=3,
        global_blocks=[2, 5],
        relative_position='decomposed',
    ),
    mmseg=dict(
        VIT,
        img_size=64,
        out_type='featmap',
        out_indices=[1, 3, 5],
        final_norm=False,
        relative_position='table',
        layer_scale_init_value=1.0,
    ),
    mmpose=dict(VIT, img_size=(64, 48), out_type='featmap', with_cls_token=False),
    mmpretrain=dict(VIT, img_size=32, out_type='avg', final_norm=False),
)
SWIN = dict(
    type='mim_secrets.SwinV2',
    arch=dict(embed_dims=16, depths=[2, 2], num_heads=[2, 4], extra_norm_every_n_blocks=0),
    img_size=64,
    patch_size=4,
    window_size=8,
    pretrained_window_sizes=[4, 4],
    out_indices=[0, 1],
)


@pytest.fixture(scope='module')
def mff(tmp_path_factory) -> tuple[Path, torch.nn.Module]:
    """A work directory with the checkpoint of a tiny MFF."""
    folder = tmp_path_factory.mktemp('mff')
    model = small_model('MFF')
    torch.save(dict(state_dict=model.state_dict(), meta=dict(epoch=1)), folder / 'epoch_1.pth')
    return folder, model.backbone


@pytest.fixture(scope='module')
def simmim(tmp_path_factory) -> tuple[Path, SwinV2]:
    """A file as SimMIM's authors write it: their names, their order of channels, and
    a decoder beside the encoder."""
    folder = tmp_path_factory.mktemp('simmim')
    options = {**SWIN, 'window_size': 4, 'pretrained_window_sizes': [0, 0], 'img_size': 32}
    options.pop('type')
    encoder = SwinV2(**options, with_mask_token=True)
    encoder.init_weights()
    shake(encoder)  # a fresh block ends its branches in zeros, a pre-trained one does not
    layout = layout_named('simmim', 'swin_v2')
    tensors = {f'backbone.{name}': tensor for name, tensor in encoder.state_dict().items()}
    theirs = from_ours(tensors, layout).tensors
    theirs['decoder.0.weight'] = torch.zeros(192, 32, 1, 1)
    torch.save(dict(model=theirs, epoch=1), folder / 'simmim.pth')
    return folder / 'simmim.pth', encoder


@pytest.mark.parametrize('house', HOUSES)
def test_a_masked_autoencoder_starts_every_task(house: str, mff, tmp_path: Path) -> None:
    """Breaks when a library cannot build, load or train the encoder in the form that
    its task needs."""
    folder, pretrained = mff
    init = dict(type='SharedCheckpoint', checkpoint=str(folder))
    channels = [48] * len(TASKS[house].get('out_indices', [5]))
    model = build_house(house, tmp_path, dict(TASKS[house], init_cfg=init), channels)
    before = model.backbone.layers[0].attn.qkv.weight.clone()
    assert torch.equal(before, pretrained.layers[0].attn.qkv.weight)
    losses = train_one_step(house, model)
    assert all(value.isfinite().all() for value in losses.values()), losses
    assert not torch.equal(model.backbone.layers[0].attn.qkv.weight, before)


@pytest.mark.parametrize('house', HOUSES)
def test_a_simmim_swin_starts_every_task(house: str, simmim, tmp_path: Path) -> None:
    """Breaks when a window of another size, or the names of SimMIM's authors, stop
    one of the libraries."""
    path, pretrained = simmim
    init = dict(type='SharedCheckpoint', checkpoint=str(path))
    model = build_house(house, tmp_path, dict(SWIN, init_cfg=init), [16, 32])
    weight = 'stages.1.blocks.0.attn.w_msa.cpb_mlp.0.weight'
    before = model.backbone.get_parameter(weight).clone()
    assert torch.equal(before, pretrained.get_parameter(weight))
    losses = train_one_step(house, model)
    assert all(value.isfinite().all() for value in losses.values()), losses
    assert not torch.equal(model.backbone.get_parameter(weight), before)


@pytest.mark.parametrize('family', ['vit', 'swin_v2'])
def test_all_houses_see_the_same(family: str, mff, simmim, tmp_path: Path) -> None:
    """Breaks when one library's way of loading or initialising changes a weight."""
    path, pretrained = mff if family == 'vit' else simmim
    cfg = dict(VIT, img_size=64, out_type='featmap') if family == 'vit' else SWIN
    channels = [48] if family == 'vit' else [16, 32]
    cfg = dict(cfg, init_cfg=dict(type='SharedCheckpoint', checkpoint=str(path)))
    images = torch.randn(2, 3, 64, 64)
    features = []
    for house in HOUSES:
        model = build_house(house, tmp_path, cfg, channels)
        encoder = model.backbone.eval()
        with torch.no_grad():
            features.append(encoder(images))
    for others in features[1:]:
        for one, other in zip(features[0], others, strict=True):
            torch.testing.assert_close(other, one, atol=0, rtol=0)
    with torch.no_grad():
        assert not torch.equal(pretrained(images)[-1], images)


def test_the_windows_of_pre_training_have_to_be_named(simmim, tmp_path: Path) -> None:
    """Breaks when a SwinV2 measures distances by another window than the file's,
    which loads without complaint."""
    path, _ = simmim
    cfg = dict(SWIN, init_cfg=dict(type='SharedCheckpoint', checkpoint=str(path)))
    cfg['pretrained_window_sizes'] = [0, 0]
    with pytest.raises(ValueError, match=r'set pretrained_window_sizes=\[4, 4\]'):
        build_house('mmpretrain', tmp_path, cfg, [16, 32])
