"""Encoders that start from what pre-training wrote."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import MODELS

from mim_secrets.checkpoint.layouts import to_mmpretrain
from mim_secrets.models import ViT
from tests.models.small import ARCH, small_model


def build(checkpoint: Path, **options) -> ViT:
    cfg = dict(type='mim_secrets.ViT', arch=ARCH, img_size=32, patch_size=8)
    cfg.update(options)
    cfg['init_cfg'] = dict(type='SharedCheckpoint', checkpoint=str(checkpoint))
    encoder = MODELS.build(cfg)
    encoder.init_weights()
    return encoder


@pytest.mark.parametrize('layout', ['ours', 'mmpretrain', 'encoder alone'])
def test_the_encoder_is_found_whatever_surrounds_it(tmp_path, layout) -> None:
    """Breaks when a prefix, the decoder or the fusion gets in the way, or when
    mmengine initialises the blocks after they were loaded."""
    model = small_model('MFF')
    state = model.state_dict()
    if layout == 'mmpretrain':
        state = to_mmpretrain(state)
    if layout == 'encoder alone':
        state = model.backbone.state_dict()
    torch.save(dict(state_dict=state), tmp_path / 'epoch_1.pth')
    encoder = build(tmp_path, out_type='raw')
    for name, tensor in model.backbone.state_dict().items():
        assert torch.equal(encoder.state_dict()[name], tensor), name


def test_positions_are_resized(tmp_path: Path) -> None:
    """Breaks when a checkpoint only fits the size that it was trained at."""
    model = small_model('MAE')
    torch.save(model.state_dict(), tmp_path / 'a.pth')
    encoder = build(tmp_path / 'a.pth', img_size=48, out_type='raw')
    expected = model.backbone.positions((6, 6))
    torch.testing.assert_close(encoder.pos_embed.data, expected.data)


def test_a_pooled_encoder_may_keep_its_new_norm(tmp_path: Path) -> None:
    """Breaks when fine-tuning with average pooling, whose norm no pre-training
    has, is refused or loses the rest."""
    model = small_model('MFF')
    torch.save(model.state_dict(), tmp_path / 'a.pth')
    encoder = build(tmp_path / 'a.pth', out_type='avg_featmap', final_norm=False)
    weight = 'layers.3.attn.qkv.weight'
    assert torch.equal(encoder.state_dict()[weight], model.backbone.state_dict()[weight])


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    """Breaks when an encoder silently starts from noise."""
    torch.save({'head.fc.weight': torch.zeros(3, 3)}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='0.0% of the parameters .* 99% are needed'):
        build(tmp_path / 'a.pth')


def test_a_checkpoint_of_another_width_is_refused(tmp_path: Path) -> None:
    """Breaks when tensors of another shape are skipped without a word."""
    torch.save(small_model('MAE').state_dict(), tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='does not fit ViT'):
        build(tmp_path / 'a.pth', arch={**ARCH, 'embed_dims': 96})


def test_no_checkpoint_says_what_to_pass() -> None:
    """Breaks when the empty default of the configs trains from scratch unasked."""
    with pytest.raises(ValueError, match='init_cfg.checkpoint=FILE'):
        build('')
