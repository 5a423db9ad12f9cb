"""The simple feature pyramid: parity with mmseg's, a slow ViTDet one, what is refused."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmseg.models.necks import Feature2Pyramid

from mim_secrets.models import SimpleFeaturePyramid

BATCH_NORM = dict(type='BN')
# ours -> mmseg's
SAME = dict(fpn1='upsample_4x', fpn2='upsample_2x')


def maps(count: int, width: int = 8) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    return tuple(torch.randn(2, width, 4, 6, generator=generator) for _ in range(count))


def drawn(pyramid: torch.nn.Module) -> torch.nn.Module:
    """With norms that change something."""
    generator = torch.Generator().manual_seed(1)
    for parameter in pyramid.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator) / 2)
    return pyramid


@pytest.mark.parametrize('training', [True, False])
def test_without_convolutions_it_is_mmsegs(training: bool) -> None:
    """Breaks when a level is rescaled otherwise than by mmseg's ``Feature2Pyramid``, so
    that results of UperNet could not be compared."""
    theirs = Feature2Pyramid(8, norm_cfg=BATCH_NORM)
    ours = drawn(SimpleFeaturePyramid(8, norm_cfg=BATCH_NORM))
    renamed = {
        '.'.join([SAME[name.split('.')[0]], *name.split('.')[1:]]): tensor
        for name, tensor in ours.state_dict().items()
    }
    theirs.load_state_dict(renamed)
    inputs = maps(4)
    outputs = [pyramid.train(training)(inputs) for pyramid in (ours, theirs)]
    assert [level.shape[2:] for level in outputs[0]] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    for one, other in zip(*outputs, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def doubled(maps: np.ndarray, layer: torch.nn.ConvTranspose2d) -> np.ndarray:
    """Every place becomes four, each with a matrix of its own."""
    batch, _, rows, columns = maps.shape
    weight, bias = (p.detach().numpy() for p in (layer.weight, layer.bias))
    out = np.empty((batch, weight.shape[1], 2 * rows, 2 * columns), np.float32)
    for down in range(2):
        for right in range(2):
            part = np.einsum('bchw,cd->bdhw', maps, weight[:, :, down, right])
            out[:, :, down::2, right::2] = part + bias[:, None, None]
    return out


def normalised(maps: np.ndarray, norm: torch.nn.LayerNorm) -> np.ndarray:
    """Over the channels of each place."""
    weight, bias = (p.detach().numpy()[:, None, None] for p in (norm.weight, norm.bias))
    centred = maps - maps.mean(1, keepdims=True)
    return centred / np.sqrt(centred.var(1, keepdims=True) + 1e-6) * weight + bias


def convolved(maps: np.ndarray, module: torch.nn.Module) -> np.ndarray:
    """A convolution that keeps the size, tap by tap, then the norm."""
    weight = module.conv.weight.detach().numpy()
    assert module.conv.bias is None, 'the norm has one'
    side = weight.shape[-1]
    margin = side // 2
    padded = np.pad(maps, ((0, 0), (0, 0), (margin, margin), (margin, margin)))
    rows, columns = maps.shape[2:]
    out = 0
    for down in range(side):
        for right in range(side):
            tap = padded[:, :, down : down + rows, right : right + columns]
            out = out + np.einsum('bchw,dc->bdhw', tap, weight[:, :, down, right])
    return normalised(out, module.ln)


def vitdet(pyramid: SimpleFeaturePyramid, maps: np.ndarray) -> list[np.ndarray]:
    first, norm, _, second = pyramid.fpn1
    inner = torch.from_numpy(normalised(doubled(maps, first), norm))
    batch, width, rows, columns = maps.shape
    pairs = maps.reshape(batch, width, rows // 2, 2, columns // 2, 2)
    scales = [
        doubled(F.gelu(inner).numpy(), second),
        doubled(maps, pyramid.fpn2[0]),
        maps,
        pairs.max(axis=(3, 5)),
    ]
    levels = [
        convolved(convolved(level, lateral), conv)
        for level, lateral, conv in zip(
            scales, pyramid.lateral_convs, pyramid.fpn_convs, strict=True
        )
    ]
    return [*levels, levels[-1][:, :, ::2, ::2]]


def test_with_convolutions_it_is_vitdets() -> None:
    """Breaks when a width, a norm or a convolution is not where ViTDet has it."""
    pyramid = drawn(SimpleFeaturePyramid(8, out_channels=6, num_outs=5))
    (inputs,) = maps(1)
    with torch.no_grad():
        outputs = pyramid((inputs,))
    assert [level.shape[1] for level in outputs] == [6] * 5
    for ours, slow in zip(outputs, vitdet(pyramid, inputs.numpy()), strict=True):
        np.testing.assert_allclose(ours.numpy(), slow, atol=1e-5, rtol=1e-5)


def test_one_map_is_the_same_as_four_alike() -> None:
    """Breaks when a level of a single map reads another map than that."""
    pyramid = SimpleFeaturePyramid(8, norm_cfg=BATCH_NORM).eval()
    (one,) = maps(1)
    for single, several in zip(pyramid([one]), pyramid([one] * 4), strict=True):
        assert torch.equal(single, several)


def test_names_of_parameters() -> None:
    """Breaks when a file of mmdet's ViTDet would no longer fill the pyramid."""
    names = {name.rpartition('.')[0] for name, _ in SimpleFeaturePyramid(8, 6).named_parameters()}
    convs = {
        f'{kind}_convs.{level}.{part}'
        for kind in ('lateral', 'fpn')
        for level in range(4)
        for part in ('conv', 'ln')
    }
    assert names == {'fpn1.0', 'fpn1.1', 'fpn1.3', 'fpn2.0', *convs}


def test_every_parameter_gets_a_gradient() -> None:
    """Breaks when a level is built and not used."""
    pyramid = SimpleFeaturePyramid(8, 6, num_outs=5)
    sum(level.square().sum() for level in pyramid(maps(1))).backward()
    assert all(p.grad is not None and p.grad.any() for p in pyramid.parameters())


def test_what_is_refused() -> None:
    """Breaks when a number of maps or levels that does not fit is guessed at."""
    with pytest.raises(ValueError, match='returns 3 maps; set its out_indices to one block, or'):
        SimpleFeaturePyramid(8, 6)(maps(3))
    with pytest.raises(ValueError, match='num_outs is 3, but the pyramid has 4 levels'):
        SimpleFeaturePyramid(8, 6, num_outs=3)
