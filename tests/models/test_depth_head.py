"""The deconvolution head of depth estimation."""

import pytest
import torch
from mmengine.structures import PixelData
from mmseg.models.decode_heads.vpd_depth_head import VPDDepthDecoder
from mmseg.structures import SegDataSample
from torch import nn

from mim_secrets.models.depth import DeconvDepthHead
from mim_secrets.models.depth.deconv_head import cut_to_image

LOSS = dict(type='mim_secrets.BatchSiLogLoss')


def head(stride: int = 32, max_depth: float = 10.0) -> DeconvDepthHead:
    return DeconvDepthHead(12, stride, 8, max_depth, LOSS)


def shaken(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data.copy_(torch.randn(parameter.shape, generator=generator))
    for name, buffer in module.named_buffers():
        if name.endswith(('mean', 'var')):
            buffer.uniform_(0.5, 1.5, generator=generator)
    return module.eval()


@pytest.mark.parametrize(('stride', 'deconvs'), [(4, 0), (8, 1), (16, 2), (32, 3)])
def test_every_stride_ends_at_full_resolution(stride: int, deconvs: int) -> None:
    """Breaks when a ViT's map, of half the stride, gives depth of twice the size."""
    module = shaken(head(stride))
    kinds = [type(layer) for layer in module.deconv_layers]
    assert kinds == deconvs * [nn.ConvTranspose2d, nn.BatchNorm2d, nn.ReLU]
    with torch.no_grad():
        depth = module((torch.zeros(1), torch.randn(2, 12, 3, 2)))
    assert depth.shape == (2, 1, 3 * stride, 2 * stride)
    assert depth.std() > 0.1


def test_the_decoder_is_mmsegs() -> None:
    """Breaks when a kernel, a bias, a norm or an interpolation differs from the decoder
    that mmseg has behind its diffusion model, which is that of Dark Secrets."""
    ours = shaken(head())
    theirs = VPDDepthDecoder(12, 8, 3, (32, 32, 32)).eval()
    state = ours.state_dict()
    theirs.load_state_dict({n: t for n, t in state.items() if not n.startswith('prediction')})
    last = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))
    last.load_state_dict(ours.prediction.state_dict())
    maps = 0.01 * torch.randn(2, 12, 2, 3, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = last(theirs(maps)).sigmoid() * 10
        actual = ours([maps])
    assert expected.std() > 1
    torch.testing.assert_close(actual, expected)


def test_depth_is_a_share_of_the_largest() -> None:
    """Breaks when depth is a logit, leaves its range, or comes in half precision."""
    module = shaken(head(max_depth=80.0))
    maps = [100 * torch.randn(1, 12, 2, 2)]
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        depth = module(maps)
    assert depth.dtype == torch.float32
    assert 0 <= depth.min() < 1 and 79 < depth.max() <= 80


def test_weights_start_small_and_depth_in_the_middle() -> None:
    """Breaks when convolutions are drawn otherwise than with deviation 0.001 and no bias."""
    torch.manual_seed(0)
    module = head()
    module.init_weights()
    for layer in module.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            assert 5e-4 < layer.weight.std() < 2e-3
            assert layer.bias is None or not layer.bias.any()
        if isinstance(layer, nn.BatchNorm2d):
            assert (layer.weight == 1).all()
    with torch.no_grad():
        depth = module([torch.randn(2, 12, 2, 2)])
    torch.testing.assert_close(depth, torch.full_like(depth, 5.0), atol=0.1, rtol=0)


def test_the_loss_ignores_what_the_encoder_padded() -> None:
    """Breaks when a map that is larger than the image shifts or stretches its depth."""
    module = shaken(head(stride=8))
    maps = [0.01 * torch.randn(2, 12, 2, 3)]
    true = torch.rand(2, 1, 13, 20) + 1
    samples = [SegDataSample() for _ in true]
    for sample, depth in zip(samples, true, strict=True):
        sample.set_data(dict(gt_depth_map=PixelData(data=depth)))
    losses = module.loss(maps, samples)
    expected = module.loss_depth(module(maps)[..., :13, :20], true)
    assert losses.keys() == {'loss_silog'}
    torch.testing.assert_close(losses['loss_silog'], expected)


def test_a_stride_that_does_not_fit_is_told() -> None:
    """Breaks when a head for another encoder trains at half the resolution."""
    with pytest.raises(ValueError, match='set `stride` of DeconvDepthHead'):
        cut_to_image(torch.zeros(1, 1, 16, 32), (32, 32))


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(stride=24), 'stride is 24; .* such as 32 after a Swin'),
        (dict(stride=2), 'stride is 2'),
        (dict(max_depth=0), 'max_depth is 0'),
    ],
)
def test_what_cannot_be_built_is_refused(options: dict, says: str) -> None:
    """Breaks when a mistake in a config shows as depth of another size, or as nothing."""
    with pytest.raises(ValueError, match=says):
        head(**options)
