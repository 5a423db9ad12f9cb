"""The two-stream tracker on encoders small enough for a test."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement

from mim_secrets.engine.optimizers import LayerDecayOptimWrapperConstructor
from mim_secrets.models import SimMIM
from mim_secrets.models.tracking.tracker import hann
from mim_secrets.models.tracking.two_stream import TwoStreamTracker
from tests.models.swin_oracles import shake

ARCH = dict(embed_dims=8, depths=[1, 1, 2, 2], num_heads=[1, 2, 2, 2])
KINDS = ('Swin', 'SwinV2')
SIZES = dict(template_size=32, search_size=64)


def encoder(kind: str, **options) -> dict:
    """Four stages on patches of 4, as in the real ones."""
    if kind == 'ViT':
        arch = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=48)
        return dict(type='mim_secrets.ViT', arch=arch, img_size=64, out_type='featmap')
    arch = dict(ARCH, extra_norm_every_n_blocks=0) if kind == 'SwinV2' else ARCH
    usual = dict(type=f'mim_secrets.{kind}', arch=arch, img_size=64, window_size=[4, 4, 4, 2])
    return {**usual, 'drop_path_rate': 0.0, **options}


def tracker(kind: str, fusion: dict | None = None, **options) -> TwoStreamTracker:
    """Without the fourth stage, unless told otherwise; always with the same weights."""
    torch.manual_seed(0)
    shortened = {} if kind == 'ViT' else dict(drop_last=2)
    pair_fusion = dict(type='mim_secrets.PairFusion', dims=16, depth=2, num_heads=2)
    parts = dict(
        backbone=encoder(kind, **{**shortened, **options.pop('backbone', {})}),
        fusion={**pair_fusion, **(fusion or {})},
        head=dict(type='mim_secrets.OverlapHead', in_channels=16),
    )
    model = TwoStreamTracker(**{**parts, **SIZES, **options})
    model.init_weights()
    return model


def pairs(batch: int) -> tuple[dict[str, torch.Tensor], list[BaseDataElement]]:
    """Squares of a colour of their own on grey, once in the middle and once anywhere."""
    generator = torch.Generator().manual_seed(3)
    template, search = (torch.zeros(batch, 3, size, size) for size in (32, 64))
    colours = 2 * torch.randn(batch, 3, 1, 1, generator=generator)
    corners = torch.randint(0, 48, (batch, 2), generator=generator)
    samples = []
    for i, (x, y) in enumerate(corners.tolist()):
        template[i, :, 8:24, 8:24] = colours[i]
        search[i, :, y : y + 16, x : x + 16] = colours[i]
        samples.append(BaseDataElement(gt_box=torch.tensor([x, y, 16, 16]) / 64))
    return dict(template=template, search=search), samples


def frames(count: int) -> list[np.ndarray]:
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (60 + 8 * i, 80, 3), dtype=np.uint8) for i in range(count)]


@pytest.mark.parametrize('kind', [*KINDS, 'ViT'])
def test_a_template_is_encoded_once(kind: str) -> None:
    """Breaks when what is kept of a template gives other maps than the pair does, or when
    a map has another grid than tokens of 16 pixels."""
    model, (inputs, _) = tracker(kind).eval(), pairs(2)
    with torch.no_grad():
        together = model(inputs)
        kept = model.encode_template(inputs['template'])
        assert kept.shape == (2, 4, 16)
        apart = model.search(kept, inputs['search'])
    assert together.score.shape == (2, 4, 4) and together.boxes.shape == (2, 4, 4, 4)
    assert all(map(torch.equal, together, apart))


@pytest.mark.parametrize('kind', KINDS)
def test_every_parameter_learns(kind: str) -> None:
    """Breaks when a stage, a norm or a projection is built that nothing reads, which stops
    training on several devices."""
    model, (inputs, samples) = tracker(kind), pairs(4)
    shake(model.backbone)  # a fresh SwinV2 ends its branches in zeros
    losses = model(inputs, samples, mode='loss')
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert not without
    # what is added to every key alike changes no attention
    idle = [name for name, p in model.named_parameters() if not p.grad.any()]
    assert all('relative_position_bias_table' in name for name in idle)


def test_sequences_side_by_side_are_as_alone() -> None:
    """Breaks when a sequence's box depends on what it is tracked with, or on its order."""
    model = tracker('SwinV2').eval()
    boxes = [np.array([20.0, 15.0, 14.0 + 2 * i, 16.0]) for i in range(3)]
    states = model.start(frames(3), boxes)
    together = model.track(frames(3)[::-1], states)
    for i, (box, score, state) in enumerate(together):
        alone = model.start(frames(3)[i : i + 1], boxes[i : i + 1])
        ((expected, expected_score, _),) = model.track([frames(3)[2 - i]], alone)
        np.testing.assert_allclose(box, expected, rtol=0, atol=1e-4)
        assert score == pytest.approx(expected_score, abs=1e-5)
        assert state.template is states[i].template or state.template.equal(states[i].template)


def test_the_hann_window_is_mixed_in() -> None:
    """Breaks when scores are multiplied by the window, which is another tracker's way, or
    the share is another than SwinTrack's."""
    model, score = tracker('Swin'), torch.rand(2, 4, 4)
    expected = 0.51 * score + 0.49 * hann(score)
    torch.testing.assert_close(model.preferred(score), expected)
    assert torch.equal(tracker('Swin', window_penalty=0.0).preferred(score), score)


@pytest.mark.parametrize('kind', KINDS)
def test_an_encoder_starts_from_what_simmim_wrote(kind: str, tmp_path: Path) -> None:
    """Breaks when a file of four stages does not fill three, or the head starts from it."""
    options = dict(with_mask_token=True, drop_last=0)
    pretrained = SimMIM(
        encoder(kind, **options),
        dict(type='mim_secrets.SimMIMDecoder'),
        head=dict(type='mim_secrets.PixelHead'),
        masking=dict(type='mim_secrets.RandomMasking', ratio=0.6),
    )
    pretrained.init_weights()
    file = tmp_path / 'pretrained.pth'
    torch.save(dict(state_dict=pretrained.state_dict()), file)
    init_cfg = dict(type='SharedCheckpoint', checkpoint=str(file))
    model = tracker(kind, backbone=dict(init_cfg=init_cfg))
    ours, theirs = model.backbone.state_dict(), pretrained.backbone.state_dict()
    assert {name.split('.')[1] for name in ours if name.startswith('stages')} == {'0', '1', '2'}
    for name in ours.keys() - {'norm2.weight', 'norm2.bias'}:
        assert torch.equal(ours[name], theirs[name]), name
    assert len(model.backbone.stages) == 3


@pytest.mark.parametrize('kind', KINDS)
def test_it_runs_in_half_precision(kind: str) -> None:
    """Breaks when a part of the tracker insists on single precision, or says boxes in half."""
    model, (inputs, samples) = tracker(kind).eval(), pairs(2)
    whole = model(inputs, samples, mode='loss')
    with torch.autocast('cpu', torch.bfloat16):
        half = model(inputs, samples, mode='loss')
        assert model(inputs).boxes.dtype == torch.float32
    for name, value in half.items():
        torch.testing.assert_close(value, whole[name], rtol=0.05, atol=0.02)


@pytest.mark.slow
@pytest.mark.parametrize('kind', KINDS)
def test_it_learns_to_find_things(kind: str) -> None:
    """Breaks when the loss of boxes does not fall, or those that are chosen fit no better."""
    options = dict(depth=1, drop_path_rate=0.0)
    model, (inputs, samples) = tracker(kind, options), pairs(8)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    history = []
    for _ in range(80):
        losses = model(inputs, samples, mode='loss')
        optimizer.zero_grad()
        (losses['loss_score'] + losses['loss_box']).backward()
        optimizer.step()
        history.append([losses[name].item() for name in ('loss_box', 'overlap')])
    first, last = torch.tensor(history[0]), torch.tensor(history[-8:]).mean(dim=0)
    # the loss of scores rises at first, as overlaps, which are its targets, do
    assert last[0] < 0.85 * first[0] and last[1] > first[1] + 0.1


def test_rates_fall_with_depth_in_the_encoder_alone() -> None:
    """Breaks when the fusion learns at the rate of a block of the encoder."""
    model = tracker('SwinV2')
    build = LayerDecayOptimWrapperConstructor(
        dict(type='OptimWrapper', optimizer=dict(type='AdamW', lr=1.0, weight_decay=0.1)),
        dict(layer_decay_rate=0.5),
    )
    groups = build(model).optimizer.param_groups
    rates = {name: group['lr'] for group in groups for name in group['param_names']}
    assert rates.keys() == {name for name, _ in model.named_parameters()}
    assert {rate for name, rate in rates.items() if not name.startswith('backbone.')} == {1.0}
    assert rates['backbone.stages.2.blocks.1.attn.w_msa.qkv.weight'] == 0.5
    assert rates['backbone.stages.0.blocks.0.attn.w_msa.qkv.weight'] == 0.5**4


def test_what_cannot_be_built_is_told_in_a_sentence() -> None:
    """Breaks when a stage is trained that nothing reads, or a size is cut off silently."""
    for indices in ((2,), (0, 3)):
        with pytest.raises(ValueError, match=r'puts out levels .* of 0 to 3, .* set drop_last'):
            tracker('Swin', backbone=dict(drop_last=0, out_indices=indices))
    with pytest.raises(ValueError, match='search_size is 72, but .* has 16 pixels'):
        tracker('Swin', search_size=72)
