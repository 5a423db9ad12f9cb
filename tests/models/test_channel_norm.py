"""The norm over channels: mmpretrain's values, in another order in memory."""

import pytest
import torch
from mmcv.ops import roi_align
from mmpretrain.models.utils.norm import LayerNorm2d

from mim_secrets.models import LN2d, SimpleFeaturePyramid


@pytest.mark.parametrize('order', [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_mmpretrains(order: torch.memory_format) -> None:
    """Breaks when another axis is normalised, or weights are not used."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(2, 6, 4, 5, generator=generator).to(memory_format=order)
    ours, theirs = LN2d(6, eps=1e-6), LayerNorm2d(6, eps=1e-6)
    for parameter in ours.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    theirs.load_state_dict(ours.state_dict())
    found = []
    for norm in (ours, theirs):
        inputs = maps.clone().requires_grad_()
        outputs = norm(inputs)
        (outputs * torch.linspace(-1, 1, maps.numel()).view_as(maps)).sum().backward()
        found.append((outputs, inputs.grad, norm.weight.grad, norm.bias.grad))
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=1e-6)


def test_channels_stay_last_behind_a_convolution() -> None:
    """Breaks when maps are brought back to rows, and the next convolution turns them again."""
    norm, conv = LN2d(6), torch.nn.Conv2d(6, 6, 3, padding=1)
    maps = conv(norm(torch.randn(2, 6, 8, 8)))
    assert maps.is_contiguous(memory_format=torch.channels_last)
    assert norm(maps).is_contiguous(memory_format=torch.channels_last)


def test_roi_align_reads_the_pyramid_rightly() -> None:
    """Breaks when a level is handed on with channels last, which mmcv would read as rows."""
    maps = torch.randn(1, 8, 4, 6, generator=torch.Generator().manual_seed(0))
    rois = torch.tensor([[0.0, 1.0, 0.5, 3.0, 2.5]])
    for level in SimpleFeaturePyramid(8, 6, num_outs=5)((maps,)):
        rows = torch.empty(level.shape).copy_(level)
        torch.testing.assert_close(roi_align(level, rois, 2), roi_align(rows, rois, 2))
