"""What holds for Swin and SwinV2 alike."""

from pathlib import Path

import mmengine
import pytest
import torch
from mmengine.registry import DefaultScope
from mmengine.runner.checkpoint import load_state_dict as mmengine_load
from torch import nn

from mim_secrets.models import Swin, SwinV2
from tests.models.swin_oracles import (
    ARCHS,
    SMALL,
    assert_gradients_close,
    gradients,
    images,
    small,
    theirs,
)

STAGES = (0, 1, 2)
BOTH = pytest.mark.parametrize('cls', [Swin, SwinV2])


def mask(rows: int, columns: int) -> torch.Tensor:
    masked = torch.zeros(2, rows, columns, dtype=torch.bool)
    masked[0, 1:, 0] = masked[1, 0, 1:] = True
    return masked


@BOTH
def test_every_library_finds_it_by_name(cls: type) -> None:
    """Breaks when a config of another library cannot name the encoder."""
    cfg = dict(type=f'mim_secrets.{cls.__name__}', arch=ARCHS[cls], **SMALL)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = mmengine.registry.MODELS.build(cfg)
    assert type(model) is cls
    assert (model.embed_dims, model.num_layers, model.depths) == (16, 3, [2, 2, 2])
    assert (model.num_features, model.window_sizes) == ([16, 32, 64], [4, 4, 4])
    assert (model.patch_size, model.patch_resolution) == (4, (16, 16))


@BOTH
def test_maps_have_the_stated_shapes(cls: type) -> None:
    """Breaks when a stage that was not asked for is returned, or order follows
    ``out_indices``."""
    shapes = [tuple(map.shape) for map in small(cls, out_indices=(2, 0))(images(50, 70))]
    assert shapes == [(2, 16, 13, 18), (2, 64, 4, 5)]
    shapes = [tuple(map.shape) for map in small(cls, out_indices=(1,))(images(50, 70))]
    assert shapes == [(2, 32, 7, 9)]


@BOTH
def test_what_is_hidden_has_no_influence(cls: type) -> None:
    """Breaks when masked pixels reach any output, or visible ones do not."""
    model = small(cls, with_mask_token=True)
    batch, masked = images(48, 64), mask(3, 4)
    pixels = masked.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, None]
    with torch.no_grad():
        expected = model.forward_masked(batch, masked, STAGES)
        hidden_changed = model.forward_masked(torch.where(pixels, 9.0, batch), masked, STAGES)
        shown_changed = model.forward_masked(torch.where(pixels, batch, 9.0), masked, STAGES)
        whole = model.forward_masked(batch, torch.zeros_like(masked), STAGES)
    for stage, reference in expected.items():
        assert torch.equal(hidden_changed[stage], reference)
        assert not torch.allclose(shown_changed[stage], reference)
        assert not torch.allclose(whole[stage], reference)


@BOTH
def test_a_cell_may_stand_for_many_patches(cls: type) -> None:
    """Breaks when coarse cells cover other patches than theirs."""
    model = small(cls, with_mask_token=True)
    coarse = mask(3, 4)
    fine = torch.zeros(2, 12, 16, dtype=torch.bool)
    for image, row, column in coarse.nonzero().tolist():
        fine[image, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4] = True
    batch = images(48, 64)
    with torch.no_grad():
        actual = model.forward_masked(batch, coarse, STAGES)
        expected = model.forward_masked(batch, fine, STAGES)
        for stage in STAGES:
            assert torch.equal(actual[stage], expected[stage])
        nothing = model.forward_masked(batch, torch.zeros_like(fine), STAGES)
        for stage, expected in zip(STAGES, model(batch), strict=True):
            normalized = getattr(model, f'norm{stage}')(nothing[stage])
            assert torch.equal(normalized.permute(0, 3, 1, 2), expected)


@pytest.mark.parametrize('shape', [(2, 5, 4), (2, 3, 8), (1, 3, 4), (2, 24, 32), (2, 12)])
def test_masks_that_do_not_fit_are_refused(shape: tuple[int, ...]) -> None:
    """Breaks when a mask is stretched, broadcast or cut without a word."""
    model = small(Swin, with_mask_token=True)
    with pytest.raises(ValueError, match='does not fit 2 images of 12x16 patches'):
        model.forward_masked(images(48, 64), torch.zeros(shape, dtype=torch.bool), STAGES)


@BOTH
def test_masking_needs_a_mask_token(cls: type) -> None:
    """Breaks when an encoder without mask token lets masked patches through."""
    with pytest.raises(ValueError, match='set with_mask_token=True'):
        small(cls).forward_masked(images(48, 64), mask(3, 4), STAGES)


@BOTH
def test_checkpointing_changes_memory_and_nothing_else(cls: type) -> None:
    """Breaks when the second pass drops other paths, or when there is none."""
    results, passes = [], []
    for with_cp in (False, True):
        model = small(cls, with_cp=with_cp, drop_path_rate=0.5).train()
        model.stages[1].blocks[0].ffn.register_forward_hook(lambda *_: passes.append(1))
        outputs = model(images(48, 64))
        results.append((gradients(model, outputs), outputs))
        with torch.no_grad():
            model(images(48, 64))
        assert len(passes) == (5 if with_cp else 2)
    (plain, expected), (checkpointed, actual) = results
    assert_gradients_close(checkpointed, plain)
    assert all(map(torch.equal, actual, expected))


@BOTH
@pytest.mark.parametrize('frozen_stages', [-1, 0, 1])
def test_what_is_frozen_is_what_mmpretrain_freezes(cls: type, frozen_stages: int) -> None:
    """Breaks when a frozen stage is trained, also before the first ``train()`` (when
    the optimizer is made), or when its drop path comes back to life."""
    options = dict(frozen_stages=frozen_stages, drop_path_rate=0.5)
    their_model, our_model = theirs(cls, **options), cls(ARCHS[cls], **{**SMALL, **options})
    their_model.train()
    expected = {name for name, p in their_model.named_parameters() if not p.requires_grad}
    frozen = {name for name, p in our_model.named_parameters() if not p.requires_grad}
    assert frozen == expected
    assert our_model.train() is our_model
    frozen = {name for name, p in our_model.named_parameters() if not p.requires_grad}
    assert frozen == expected
    for stage, module in enumerate(our_model.stages):
        modes = {child.training for child in module.modules()}
        assert modes == {stage > frozen_stages}
    assert our_model.patch_embed.training == (frozen_stages < 0)


@BOTH
@pytest.mark.parametrize('load', [nn.Module.load_state_dict, mmengine_load])
def test_buffers_of_a_file_do_not_matter(cls: type, load) -> None:
    """Breaks when a file without buffers, with old ones or with those of another window
    cannot be loaded strictly, when they replace ours, or when the file is changed."""
    model = small(cls)
    own = {name: buffer.clone() for name, buffer in model.named_buffers()}
    weights = {name: tensor + 1 for name, tensor in model.named_parameters()}
    odd = {name: torch.zeros(3) for name in own}
    odd['stages.0.blocks.1.attn_mask'] = torch.zeros(4)
    for state in (weights, {**weights, **odd}):
        keys, target = list(state), nn.ModuleDict(dict(backbone=model))
        load(target, {f'backbone.{name}': tensor for name, tensor in state.items()}, strict=True)
        load(model, state, strict=True)
        assert list(state) == keys
        assert all(torch.equal(buffer, own[name]) for name, buffer in model.named_buffers())
        assert all(torch.equal(p, weights[name]) for name, p in model.named_parameters())


def test_a_table_of_another_window_is_named() -> None:
    """Breaks when loading stumbles over something else than the table itself."""
    state = small(Swin, window_size=6).state_dict()
    with pytest.raises(RuntimeError, match='size mismatch for .*relative_position_bias_table'):
        small(Swin).load_state_dict(state)


@BOTH
def test_a_fresh_encoder_is_drawn_as_published(cls: type) -> None:
    """Breaks when a parameter is left at torch's own initialisation, or at zero."""
    model = cls(ARCHS[cls], **SMALL, with_mask_token=True, use_abs_pos_embed=True)
    model.init_weights()
    constants = {'logit_scale': torch.tensor(10.0).log().item()}
    for name, parameter in model.named_parameters():
        if name.startswith('patch_embed.projection'):
            continue  # the one that stays torch's, as in SimMIM
        last = name.rpartition('.')[2]
        branch_end = cls is SwinV2 and 'blocks' in name  # SwinV2 has a norm behind each branch
        if 'norm' in name and last == 'weight':
            expected = torch.full_like(parameter, 0.0 if branch_end else 1.0)
            assert torch.equal(parameter, expected), name
        elif parameter.ndim > 1 and last not in constants:
            assert parameter.std().item() == pytest.approx(0.02, rel=0.5), name
        else:
            value = constants.get(last, 0.0)
            torch.testing.assert_close(parameter, torch.full_like(parameter, value), msg=name)


@BOTH
@pytest.mark.parametrize('kind', ['Pretrained', 'SharedCheckpoint'])
def test_a_checkpoint_is_loaded_last(cls: type, kind: str, tmp_path: Path) -> None:
    """Breaks when initialisation overwrites what was loaded, the first time or later."""
    source = small(cls, with_mask_token=True)
    torch.save(dict(state_dict=source.state_dict()), tmp_path / 'encoder.pth')
    init_cfg = dict(type=kind, checkpoint=str(tmp_path / 'encoder.pth'))
    model = cls(ARCHS[cls], **SMALL, with_mask_token=True, init_cfg=init_cfg)
    for _ in range(2):
        model.init_weights()
        for name, parameter in source.named_parameters():
            assert torch.equal(model.get_parameter(name), parameter), name


@BOTH
def test_drop_path_rises_from_block_to_block(cls: type) -> None:
    """Breaks when rates start again in every stage, or are not plain numbers."""
    stages = small(cls, drop_path_rate=0.5).stages
    rates = [block.drop_path.drop_prob for stage in stages for block in stage.blocks]
    assert rates == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert {type(rate) for rate in rates} == {float}


@pytest.mark.slow
@BOTH
def test_the_graph_is_whole(cls: type) -> None:
    """Breaks when something stops ``torch.compile`` in the middle of the encoder."""
    model = small(cls, with_mask_token=True, drop_path_rate=0.5).train()
    traced = torch.compile(model.forward_masked, backend='eager', fullgraph=True)
    batch, masked = images(48, 64), mask(3, 4)
    torch.manual_seed(0)
    actual = traced(batch, masked, STAGES)
    torch.manual_seed(0)
    torch.testing.assert_close(actual, model.forward_masked(batch, masked, STAGES))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(arch='enormous'), "arch is 'enormous'; choose one of"),
        (dict(arch=dict(embed_dims=16)), 'or give a dict with'),
        (dict(window_size=(4, 4)), 'window_size has 2 entries for 3 stages'),
        (dict(out_indices=(3,)), 'stages are numbered 0 to 2'),
        (dict(out_indices=()), 'name one of them or more'),
    ],
)
def test_options_that_make_no_sense_are_refused(options: dict, message: str) -> None:
    """Breaks when a mistake shows only later, or as an error of another kind."""
    with pytest.raises(ValueError, match=message):
        small(Swin, **options)
    if 'window_size' in options:
        with pytest.raises(ValueError, match='pretrained_window_sizes has 2 entries'):
            small(SwinV2, pretrained_window_sizes=(4, 4))
