"""RepLKNet: mmpretrain's features, and a mask through which nothing leaks."""

from pathlib import Path

import pytest
import torch
from mmpretrain.models import RepLKNet as TheirRepLKNet

from mim_secrets.checkpoint.layouts import from_ours, layout_named, recognise, to_ours
from mim_secrets.models import RepLKNet, SimMIM

ARCH = dict(
    large_kernel_sizes=[9, 7, 5],
    layers=[1, 2, 1],
    channels=[8, 12, 16],
    small_kernel=3,
    dw_ratio=1,
)
OPTIONS = dict(strides=(2, 2, 2), dilations=(1, 1, 1), drop_path_rate=0.0)


def small(cls: type = RepLKNet, **options) -> RepLKNet:
    """Three stages, with no parameter or statistic as it was initialised."""
    torch.manual_seed(0)
    encoder = cls(ARCH, **{'out_indices': (2,), **OPTIONS, **options})
    encoder.init_weights()
    with torch.no_grad():
        for tensor in encoder.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(torch.rand(tensor.shape), alpha=0.2)
    encoder.eval()
    return encoder


def some_mask(batch: int = 2) -> torch.Tensor:
    masked = torch.zeros(batch, 4, 4, dtype=torch.bool)
    masked[:, 1:3, 0:2] = True
    return masked


@pytest.mark.parametrize('size', [(64, 64), (50, 71)])
def test_features_are_mmpretrains(size: tuple[int, int]) -> None:
    """Breaks when an argument, a name or a stage of mmpretrain's class is lost."""
    # in float64: ours lies channels last, which adds up in another order
    ours, theirs = (small(cls, out_indices=(0, 2)).double() for cls in (RepLKNet, TheirRepLKNet))
    theirs.load_state_dict(ours.state_dict())
    images = torch.randn(2, 3, *size, dtype=torch.float64)
    for actual, expected in zip(ours(images), theirs(images), strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-12, atol=1e-12)


def test_masking_nothing_is_not_masking() -> None:
    """Breaks when the way through the mask is another network than the way without."""
    encoder = small(with_mask_token=True).double()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    maps = encoder.forward_masked(images, torch.zeros(2, 4, 4, dtype=torch.bool), [2])[2]
    tokens = encoder.normalize(maps.flatten(1, 2))
    (expected,) = encoder(images)
    torch.testing.assert_close(tokens.transpose(1, 2).unflatten(2, (4, 4)), expected)


@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_hidden_pixels_reach_nobody(mode: str) -> None:
    """Breaks when the overlapping stem, or a batch norm in training, carries a hidden
    pixel across the border of a cell."""
    encoder = getattr(small(with_mask_token=True), mode)()
    images, masked = torch.randn(2, 3, 64, 64), some_mask()
    hidden = masked.repeat_interleave(16, 1).repeat_interleave(16, 2)[:, None]
    changed = torch.where(hidden, torch.randn_like(images), images)
    before = encoder.forward_masked(images, masked, [0, 1, 2])
    after = encoder.forward_masked(changed, masked, [0, 1, 2])
    assert not torch.equal(images, changed)
    for level, maps in before.items():
        assert torch.equal(after[level], maps), level
        assert maps.shape[-1] == encoder.level_dims[level]
        assert maps.shape[1] * encoder.level_strides[level] == 64
    seen = torch.where(hidden, images, torch.randn_like(images))
    assert not torch.equal(encoder.forward_masked(seen, masked, [0])[0], before[0])


def simmim() -> SimMIM:
    return SimMIM(
        backbone=dict(
            type='mim_secrets.RepLKNet',
            arch=ARCH,
            img_size=64,
            out_indices=(2,),
            with_mask_token=True,
            **OPTIONS,
        ),
        neck=dict(type='mim_secrets.SimMIMDecoder'),
        head=dict(type='mim_secrets.PixelHead', norm_pix=False, criterion='l1'),
        masking=dict(type='mim_secrets.RandomMasking', ratio=0.6),
    )


def test_the_mask_token_is_trained() -> None:
    """Breaks when masked places show the stem's answer to zeros instead of the token."""
    model = simmim()
    model.init_weights()
    assert model.backbone.mask_token.std() > 0
    model.loss(torch.randn(2, 3, 64, 64))['loss'].backward()
    missing = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not missing


def test_a_mask_needs_a_token() -> None:
    """Breaks when zeros alone would stand for what is masked."""
    with pytest.raises(ValueError, match='set with_mask_token=True'):
        small().forward_masked(torch.randn(2, 3, 64, 64), some_mask(), [2])


def test_depths_are_swins_convention() -> None:
    """Breaks when a block and its perceptron part, or the last norm gets a small rate."""
    encoder = small(with_mask_token=True)
    expected = {
        'stem.3.conv.weight': 0,
        'mask_token': 0,
        'stages.0.blocks.0.prelkb_bn.weight': 1,
        'stages.0.blocks.1.pw1.conv.weight': 1,
        'transitions.0.1.conv.weight': 1,
        'stages.1.blocks.2.pw1.conv.weight': 3,
        'stages.1.blocks.3.pw1.conv.weight': 3,
        'transitions.1.0.bn.bias': 3,
        'stages.2.blocks.0.large_kernel.lkb_origin.conv.weight': 4,
        'stages.2.norm.weight': 5,
    }
    names = dict(encoder.named_parameters())
    for name, depth in expected.items():
        assert name in names
        assert encoder.get_layer_depth(f'backbone.{name}', 'backbone.') == (depth, 6), name
    assert encoder.get_layer_depth('neck.stem.weight', 'backbone.') == (5, 6)


def test_train_and_eval_return_the_encoder() -> None:
    """Breaks when ``encoder.eval()`` is None, as in mmpretrain, or thaws what is frozen."""
    encoder = small(frozen_stages=1)
    assert encoder.train() is encoder and encoder.training
    assert not encoder.stem[0].bn.training and encoder.stages[2].norm.training
    assert encoder.eval() is encoder and not encoder.training


def test_a_frozen_encoder_is_frozen_throughout() -> None:
    """Breaks when a probe trains the transitions between frozen stages, as mmpretrain's
    does, or when they are frozen only once training begins, after the optimizer looked."""
    encoder = small(frozen_stages=2)
    trained = {name.split('.')[0] for name, p in encoder.named_parameters() if p.requires_grad}
    assert trained == {'stages', 'transitions'}
    assert {n for n, p in small(frozen_stages=3).named_parameters() if p.requires_grad} == set()
    first, second = encoder.train().transitions
    assert not first[0].bn.training and second[0].bn.training


@pytest.mark.parametrize('prefix', ['', 'module.'])
@pytest.mark.parametrize('source', ['SimMIM', 'mmpretrain'])
def test_shared_checkpoint_finds_it(source: str, prefix: str, tmp_path: Path) -> None:
    """Breaks when a parameter or a running statistic of pre-training is left behind, or
    the encoder is taken for another family."""
    if source == 'SimMIM':
        model = simmim()
        model.backbone.load_state_dict(small(with_mask_token=True).state_dict())
        pretrained, tensors = model.backbone, model.state_dict()
    else:
        pretrained = small(TheirRepLKNet)
        tensors = {f'backbone.{name}': t for name, t in pretrained.state_dict().items()}
    tensors = {prefix + name: tensor for name, tensor in tensors.items()}
    found = recognise(tensors)
    assert (found.layout.name, found.layout.family) == ('mim_secrets', 'replknet')
    torch.save(dict(state_dict=tensors), tmp_path / 'file.pth')
    init_cfg = dict(type='SharedCheckpoint', checkpoint=str(tmp_path / 'file.pth'))
    encoder = RepLKNet(ARCH, out_indices=(2,), init_cfg=init_cfg, **OPTIONS)
    encoder.init_weights()
    pretrained.double().eval()
    images = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    actual = encoder.double().eval()(images)[0]
    torch.testing.assert_close(actual, pretrained(images)[0], rtol=1e-12, atol=1e-12)


def test_layouts_lose_nothing() -> None:
    """Breaks when a name of the encoder or around it has no rule."""
    tensors = simmim().state_dict()
    ours = to_ours(tensors)
    assert not ours.dropped and ours.tensors.keys() == tensors.keys()
    for name in ('mim_secrets', 'mmpretrain'):
        written = from_ours(ours.tensors, layout_named(name, 'replknet'))
        assert not written.dropped and written.tensors.keys() == tensors.keys()
