"""Encoders without their last blocks are the whole ones, stopped earlier."""

from pathlib import Path

import pytest
import torch
from torch import nn

from mim_secrets.checkpoint.loading import load_encoder
from mim_secrets.models import MFF, Swin, SwinV2, ViT
from mim_secrets.models.backbones.shortening import blocks_left
from tests.engine.layer_decay_models import classifier, settings, wrapper_for
from tests.models import small, swin_oracles

PLAIN = dict(arch=small.ARCH, img_size=32, patch_size=8, out_type='raw')
PYRAMID = dict(img_size=64, window_size=[4, 4, 2], out_indices=(2,), drop_path_rate=0.0)
DEPTHS = [1, 3, 2]
CLASSES = dict(ViT=ViT, Swin=Swin, SwinV2=SwinV2)
BLOCKS = 6  # of each


def build(kind: str, **options) -> nn.Module:
    """The whole encoder, unless told otherwise; always with the same odd weights."""
    cls = CLASSES[kind]
    usual = PLAIN if cls is ViT else dict(PYRAMID, arch=dict(swin_oracles.ARCHS[cls]))
    if cls is not ViT:
        usual['arch']['depths'] = DEPTHS
    torch.manual_seed(0)
    encoder = cls(**{**usual, **options})
    swin_oracles.shake(encoder)
    return encoder.eval()


def block(encoder: nn.Module, number: int) -> nn.Module:
    if isinstance(encoder, ViT):
        return encoder.layers[number]
    return [block for stage in encoder.stages for block in stage.blocks][number]


def output_of(encoder: nn.Module, number: int, images: torch.Tensor) -> torch.Tensor:
    """What a block, counted over stages, makes of images."""
    seen = []
    handle = block(encoder, number).register_forward_hook(lambda *call: seen.append(call[2]))
    with torch.no_grad():
        encoder(images)
    handle.remove()
    return seen[0]


@pytest.mark.parametrize(
    ('drop_last', 'left'),
    [(0, [2, 2, 18, 2]), (1, [2, 2, 18, 1]), (2, [2, 2, 18]), (6, [2, 2, 14]), (23, [1])],
)
def test_blocks_are_counted_from_the_end_over_stages(drop_last: int, left: list[int]) -> None:
    """Breaks when blocks are taken from every stage, or an empty stage stays."""
    assert blocks_left('Swin', [2, 2, 18, 2], drop_last) == left


@pytest.mark.parametrize('kind', CLASSES)
@pytest.mark.parametrize('drop_last', [0, 1, 2, 5])
def test_what_stays_computes_what_it_did(kind: str, drop_last: int, tmp_path: Path) -> None:
    """Breaks when a shortened encoder needs more than its config to load a file of the
    whole, numbers its blocks anew, or runs another block, merging or window."""
    whole = build(kind)
    torch.save(dict(state_dict=whole.state_dict()), tmp_path / 'whole.pth')
    init_cfg = dict(type='SharedCheckpoint', checkpoint=str(tmp_path / 'whole.pth'))
    short = build(kind, drop_last=drop_last, init_cfg=init_cfg)
    short.init_weights()
    state = whole.state_dict()
    shapes = {name: p.shape for name, p in short.named_parameters() if not name.startswith('norm')}
    assert all(state[name].shape == shape for name, shape in shapes.items())
    images = torch.randn(2, 3, 64, 48)
    last = BLOCKS - drop_last - 1
    expected = output_of(whole, last, images)
    assert torch.equal(output_of(short, last, images), expected)
    with pytest.raises(IndexError):
        block(short, last + 1)
    with torch.no_grad():
        (actual,) = short(images)
        expected = short.normalize(expected)
    assert torch.equal(actual, expected if kind == 'ViT' else expected.permute(0, 3, 1, 2))


@pytest.mark.parametrize(
    ('kind', 'drop_last', 'at_init'),
    [('ViT', 2, 'nothing'), ('Swin', 1, 'nothing'), ('SwinV2', 3, 'norm1.weight (1)')],
)
def test_the_log_says_what_was_left_out(kind: str, drop_last: int, at_init: str) -> None:
    """Breaks when blocks that were left out on purpose look like ones that are missing,
    or cost the file its 99 %."""
    whole, short = build(kind), build(kind, drop_last=drop_last)
    state = {f'backbone.{name}': tensor for name, tensor in whole.state_dict().items()}
    table = load_encoder(short, state, 'whole.pth')
    left = {name for name, _ in short.named_parameters()}
    gone = {name for name, _ in whole.named_parameters()} - left
    gone = [name for name in gone if name.startswith(('layers.', 'stages.'))]
    assert f'left out by drop_last={drop_last} ({len(gone)})' in table
    assert f'  at init  {at_init}' in table


def test_windows_are_compared_where_both_have_them() -> None:
    """Breaks when stages that are gone get in the way of a SwinV2's check of its windows,
    or are missing from the list that the message asks for."""
    state = build('SwinV2').state_dict()
    short = build('SwinV2', window_size=[8, 8, 4], drop_last=2)
    with pytest.raises(ValueError, match=r'set pretrained_window_sizes=\[4, 4, 2\]\.$'):
        load_encoder(short, state, 'whole.pth')
    short = build('SwinV2', window_size=8, drop_last=2, pretrained_window_sizes=[4, 4, 2])
    load_encoder(short, state, 'whole.pth')
    weight = 'stages.1.blocks.2.ffn.layers.1.weight'
    assert torch.equal(short.state_dict()[weight], state[weight])


@pytest.mark.parametrize('kind', CLASSES)
def test_in_all_else_it_is_the_shorter_encoder(kind: str) -> None:
    """Breaks when widths, strides, drop path or levels still tell of blocks that are not
    there."""
    options = dict(drop_path_rate=0.5)
    if kind == 'ViT':
        alone = build(kind, **options, arch=dict(small.ARCH, num_layers=3))
    else:
        arch = dict(swin_oracles.ARCHS[CLASSES[kind]], depths=[1, 2], num_heads=[2, 2])
        alone = build(kind, **options, arch=arch, window_size=[4, 4], out_indices=(1,))
    short = build(kind, **options, drop_last=3)
    assert str(short) == str(alone)
    for fact in ('num_layers', 'level_dims', 'level_strides', 'out_indices'):
        assert getattr(short, fact) == getattr(alone, fact), fact
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert all(map(torch.equal, short(images), alone(images)))


@pytest.mark.parametrize('kind', CLASSES)
def test_layer_decay_counts_from_the_new_last_block(kind: str) -> None:
    """Breaks when the rates of the blocks that stay are those that they have in the
    whole encoder."""
    encoder = dict(PLAIN) if kind == 'ViT' else dict(PYRAMID)
    arch = small.ARCH if kind == 'ViT' else dict(swin_oracles.ARCHS[CLASSES[kind]], depths=DEPTHS)
    model = classifier(dict(encoder, type=f'mim_secrets.{kind}', arch=arch, drop_last=2))
    paramwise = dict(layer_decay_rate=0.5)
    rates = settings(model, wrapper_for(model, paramwise))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    found = []
    for number in range(4):
        parameter = next(block(model.backbone, number).parameters())
        found.append(rates[names[id(parameter)]][0] / rates['head.fc.weight'][0])
    assert found == [1 / 16, 1 / 8, 1 / 4, 1 / 2]
    first = rates['backbone.patch_embed.projection.weight'][0]
    assert first / rates['head.fc.weight'][0] == 1 / 32


@pytest.mark.parametrize(
    ('out_indices', 'drop_last', 'left'),
    [((0, 1, 2), 1, (0, 1, 2)), ((0, 1, 2), 2, (0, 1)), ((0, 2), 2, (0, 1)), ((2, 0), 5, (0,))],
)
def test_the_last_stage_left_stands_for_those_that_are_gone(
    out_indices: tuple[int, ...], drop_last: int, left: tuple[int, ...]
) -> None:
    """Breaks when a map comes twice, has a norm of another width, or is of a stage that
    was not asked for."""
    for kind in ('Swin', 'SwinV2'):
        short = build(kind, out_indices=out_indices, drop_last=drop_last)
        assert short.out_indices == left
        assert [map.shape[1] for map in short(torch.randn(1, 3, 64, 64))] == [
            short.level_dims[stage] for stage in left
        ]


def test_masks_windows_and_relative_positions_still_work() -> None:
    """Breaks when options that name blocks or stages have to be written anew for each
    number of blocks that is left out."""
    images, masked = torch.randn(2, 3, 32, 32), torch.rand(2, 4, 4) < 0.5
    plain = dict(with_cls_token=False, out_type='featmap', window_size=3)
    plain |= dict(relative_position='decomposed', global_blocks=(2, 5), with_mask_token=True)
    whole, short = build('ViT', **plain), build('ViT', **plain, drop_last=3)
    short.load_state_dict(
        {name: tensor for name, tensor in whole.state_dict().items() if name in short.state_dict()}
    )
    with torch.no_grad():
        expected = whole.forward_masked(images, masked, [0, 2])
        actual = short.forward_masked(images, masked, [0, 2])
    assert all(torch.equal(actual[level], expected[level]) for level in (0, 2))
    for kind in ('Swin', 'SwinV2'):
        options = dict(with_mask_token=True, drop_last=4)
        if kind == 'SwinV2':
            options['pretrained_window_sizes'] = [3, 4, 2]
        short = build(kind, **options)
        levels = short.forward_masked(torch.randn(2, 3, 64, 64), masked, [0, 1])
        assert [tuple(level.shape) for level in levels.values()] == [
            (2, 16, 16, 16),
            (2, 8, 8, 32),
        ]


def test_a_frozen_encoder_stays_frozen() -> None:
    """Breaks when a linear probe, whose config counts all blocks, fails or trains."""
    short = build('ViT', frozen_stages=BLOCKS, drop_last=2)
    assert not [name for name, parameter in short.named_parameters() if parameter.requires_grad]


def test_a_masked_model_takes_it() -> None:
    """Breaks when fusion takes levels of blocks that are not there."""
    cfg = small.small_config('MFF')
    cfg['backbone']['drop_last'] = 2
    model = MFF(**cfg)
    model.init_weights()
    assert len(model.fusion.level_logits) == 4
    assert torch.isfinite(model.loss(torch.randn(2, 3, 32, 32))['loss'])


@pytest.mark.parametrize('kind', CLASSES)
@pytest.mark.parametrize('drop_last', [-1, BLOCKS, 100, 1.0, None])
def test_impossible_numbers_are_refused(kind: str, drop_last: object) -> None:
    """Breaks when an encoder comes out empty, or with other blocks than asked for."""
    message = rf'^{kind}: drop_last is {drop_last}, but of 6 blocks .* from 0 to 5\.$'
    with pytest.raises(ValueError, match=message):
        build(kind, drop_last=drop_last)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(drop_last=1, out_indices=[1, 5]), r'out_indices are \[1, 5\], but .* 0 to 4'),
        (dict(out_indices=6), r'out_indices are \[6\], but .* 0 to 5'),
        (dict(out_indices=[-7]), 'but blocks are numbered 0 to 5'),
        (dict(arch='enormous'), "arch is 'enormous'; choose one of"),
        (dict(arch=dict(embed_dims=8)), 'or give a dict with'),
    ],
)
def test_blocks_that_are_not_there_cannot_be_asked_for(options: dict, message: str) -> None:
    """Breaks when a ViT returns nothing for a block that it does not have."""
    with pytest.raises(ValueError, match=message):
        build('ViT', **options)
