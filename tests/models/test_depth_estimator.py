"""The depth estimator: test modes, sizes, and what it shares with mmseg's."""

import subprocess
import sys

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.registry import DefaultScope
from mmengine.structures import PixelData
from mmseg.models.segmentors import DepthEstimator as MMSegDepthEstimator
from mmseg.registry import MODELS
from mmseg.structures import SegDataSample

from mim_secrets.models.depth import DepthEstimator

SIZE = 32
ARCH = dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2])
ENCODERS = dict(
    swinv2=dict(
        type='mim_secrets.SwinV2',
        arch=dict(ARCH, extra_norm_every_n_blocks=0),
        img_size=SIZE,
        window_size=[8, 4, 4, 2],
        pretrained_window_sizes=[3, 3, 3, 2],
    ),
    swin=dict(type='mim_secrets.Swin', arch=ARCH, img_size=SIZE, window_size=2),
    vit=dict(
        type='mim_secrets.ViT',
        arch=dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32),
        img_size=SIZE,
        patch_size=16,
        out_type='featmap',
    ),
)
WHOLE = dict(mode='whole')
SLIDE = dict(mode='slide', crop_size=(SIZE, SIZE), stride=(20, 20))
SHIFTED = dict(mode='shifted', windows=2)
SIZES = [(32, 64), (45, 70), (70, 45), (20, 100)]


def estimator(encoder: str = 'swinv2', **test_cfg) -> DepthEstimator:
    """A model for evaluation whose depths differ from pixel to pixel."""
    stride, width = (16, 16) if encoder == 'vit' else (32, 64)
    cfg = ConfigDict(
        type='mim_secrets.DepthEstimator',
        data_preprocessor=dict(type='SegDataPreProcessor', size=(SIZE, SIZE), seg_pad_val=0),
        backbone=ENCODERS[encoder],
        decode_head=dict(
            type='mim_secrets.DeconvDepthHead',
            in_channels=width,
            stride=stride,
            channels=8,
            max_depth=10.0,
            loss=dict(type='mim_secrets.BatchSiLogLoss'),
        ),
        test_cfg=test_cfg or WHOLE,
    )
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg)
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    return model.eval()


def images(size: tuple[int, int], count: int = 1) -> torch.Tensor:
    return torch.randn(count, 3, *size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize('encoder', ENCODERS)
@pytest.mark.parametrize('mode', [WHOLE, SLIDE, SHIFTED], ids=lambda cfg: cfg['mode'])
def test_images_of_any_size_have_depth_everywhere(encoder: str, mode: dict) -> None:
    """Breaks when an encoder's padding moves depth, a mode leaves a pixel out, or portrait
    images are refused."""
    model = estimator(encoder, **mode, flip=True)
    for size in SIZES:
        with torch.no_grad():
            (sample,) = model.predict(images(size), [SegDataSample(metainfo=dict(ori_shape=size))])
        depth = sample.pred_depth_map.data
        assert depth.shape == (1, *size)
        assert depth.isfinite().all() and depth.min() > 0 and depth.max() < 10
        assert depth.std() > 0.01


@torch.no_grad()
def test_modes_are_made_of_whole_predictions() -> None:
    """Breaks when a mode takes another mode's result, as mmseg's `slide` does."""
    model, inputs = estimator(), images((32, 48))
    whole = model.inference(inputs, [])
    torch.testing.assert_close(whole, model.encode_decode(inputs))
    torch.testing.assert_close(whole, model(inputs))
    model.test_cfg = dict(SHIFTED)
    left, right = model.encode_decode(inputs[..., :32]), model.encode_decode(inputs[..., 16:])
    expected = torch.cat(
        [left[..., :16], (left[..., 16:] + right[..., :16]) / 2, right[..., 16:]], dim=-1
    )
    torch.testing.assert_close(model.inference(inputs, []), expected)
    assert (expected - whole).abs().max() > 1e-3
    model.test_cfg = dict(WHOLE, flip=True)
    mirrored = model.encode_decode(inputs.flip(-1)).flip(-1)
    torch.testing.assert_close(model.inference(inputs, []), (whole + mirrored) / 2)


@torch.no_grad()
def test_sliding_with_flips_is_mmsegs() -> None:
    """Breaks when windows, their mirror images or their average differ from the one mode
    of mmseg that works."""
    model, inputs = estimator(**SLIDE, flip=True), images((45, 70))
    expected = MMSegDepthEstimator.slide_flip_inference(model, inputs, [{}])
    torch.testing.assert_close(model.inference(inputs, [{}]), expected)


@torch.no_grad()
def test_a_batch_is_predicted_as_its_images_are() -> None:
    """Breaks when windows of one image are mixed with another's."""
    model, inputs = estimator(**SHIFTED, flip=True), images((32, 50), count=2)
    together = model.inference(inputs, [])
    for index in range(2):
        alone = model.inference(inputs[index : index + 1], [])
        torch.testing.assert_close(together[index : index + 1], alone)


@pytest.mark.parametrize('known', [True, False])
def test_a_step_trains_all_or_harms_nothing(known: bool) -> None:
    """Breaks when a part of the model learns nothing, or when a batch without depth leaves
    NaNs in the weights."""
    model = estimator().train()
    samples = []
    size = (2 * SIZE, 2 * SIZE)  # a last map of one cell would have nothing to attend to
    for seed in range(2):
        depth = torch.rand(1, *size, generator=torch.Generator().manual_seed(seed))
        sample = SegDataSample(metainfo=dict(ori_shape=size, img_shape=size))
        sample.set_data(dict(gt_depth_map=PixelData(data=(1 + 8 * depth) * known)))
        samples.append(sample)
    losses = model.loss(images(size, count=2), samples)
    assert losses.keys() == {'decode.loss_silog'}
    losses['decode.loss_silog'].backward()
    assert (losses['decode.loss_silog'] > 0) == known
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        assert not known or parameter.grad.any(), name


@pytest.mark.parametrize(
    ('cfg', 'says'),
    [
        (dict(mode='slide_flip'), "mode is 'slide_flip'; choose from 'whole', 'slide', 'shifted'"),
        (dict(mode='slide', crop_size=(32, 32)), 'stride is missing in mode'),
        (dict(mode='whole', windows=2), 'windows is unknown in mode'),
        (dict(SLIDE, stride=(20, 40)), 'larger than crop_size'),
        (dict(SHIFTED, windows=0), 'windows is 0'),
    ],
)
def test_a_mode_that_cannot_be_is_refused(cfg: dict, says: str) -> None:
    """Breaks when a mistake in test_cfg shows after hours of training, or never."""
    with pytest.raises(ValueError, match=says):
        estimator(**cfg)


@pytest.mark.slow
def test_pretraining_needs_no_mmseg() -> None:
    """Breaks when models, metrics or schedules load mmseg, which need not be installed."""
    code = (
        'import sys; import mim_secrets; import mim_secrets.models, mim_secrets.evaluation, '
        'mim_secrets.engine; sys.exit("mmseg" in sys.modules)'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
