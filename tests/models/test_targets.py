"""Targets against their definitions: a Fourier transform by matrices, a window by loops."""

import numpy as np
import pytest
import torch

from mim_secrets.models import LocalNormTarget, LowPassTarget, PixelHead
from mim_secrets.models.heads.targets import IMAGENET_MEAN, IMAGENET_STD

SIZES = [(16, 16), (15, 15), (12, 15), (9, 20)]


def images(*size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(seed))


def waves(length: int) -> np.ndarray:
    """(length, length): the k-th row is the wave of k turns over ``length`` pixels."""
    place = np.arange(length)
    return np.exp(-2j * np.pi * np.outer(place, place) / length)


def signed(length: int) -> np.ndarray:
    """Turns of each row of ``waves``, from slow to fast in either direction."""
    turns = np.arange(length)
    return np.where(turns > length / 2, turns - length, turns)


def low_passed(image: np.ndarray, cutoff: float) -> np.ndarray:
    """One plane (H, W) without the frequencies above ``cutoff``, by the definition."""
    down, across = waves(image.shape[0]), waves(image.shape[1])
    spectrum = down @ image @ across.T
    fastness = np.hypot(*np.meshgrid(*(signed(n) / n for n in image.shape), indexing='ij'))
    spectrum[fastness > cutoff + 1e-9] = 0
    back = down.conj().T @ spectrum @ across.conj() / image.size
    assert np.abs(back.imag).max() < 1e-12, 'what is kept is symmetric'
    return back.real


@pytest.mark.parametrize('cutoff', [40 / 224, 0.3, 0.5, 0.7])
@pytest.mark.parametrize('size', SIZES)
def test_the_filter_is_ideal(size, cutoff) -> None:
    """Breaks when the cutoff lies elsewhere, when odd sides or rectangles are filtered
    as if they were even squares, or when detail remains."""
    batch = images(*size)
    expected = np.stack(
        [[low_passed(plane, cutoff) for plane in image] for image in batch.double().numpy()]
    )
    actual = LowPassTarget(cutoff)(batch).numpy()
    np.testing.assert_allclose(actual, expected, atol=2e-6)


def transfer(target: LowPassTarget, side: int) -> np.ndarray:
    """What a filter makes of each frequency, told by its answer to one bright pixel."""
    flash = torch.zeros(1, 3, side, side)
    flash[..., 0, 0] = 1
    return np.fft.fft2(target(flash)[0, 0].double().numpy())


def test_the_filter_is_centred_and_idempotent() -> None:
    """Breaks when a frequency stays and its mirror image goes, as in the released code,
    when brightness changes, or when filtering twice differs from filtering once."""
    target, batch = LowPassTarget(), images(224, 224)
    share = transfer(target, 224)
    mirrored = np.roll(share[::-1, ::-1], 1, axis=(0, 1))
    np.testing.assert_allclose(share, mirrored, atol=1e-5)
    assert np.abs(share.imag).max() < 1e-5
    assert set(share.real.round(4).ravel().tolist()) == {0, 1}
    assert share.real[0, 40] == pytest.approx(1, abs=1e-5) == share.real[0, -40]
    assert share.real[0, 41] == pytest.approx(0, abs=1e-5) == share.real[0, -41]
    once = target(batch)
    torch.testing.assert_close(once.mean((2, 3)), batch.mean((2, 3)), rtol=0, atol=1e-6)
    torch.testing.assert_close(target(once), once, rtol=0, atol=2e-6)


def released(batch: np.ndarray, radius: float) -> np.ndarray:
    """The released filter on (B, 3, H, W), from its description: on pixels in [0, 1], a
    disc around (H - 1) / 2 of a spectrum whose centre is at H / 2, and magnitudes."""
    mean, std = (np.array(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
    height, width = batch.shape[-2:]
    answers = np.empty_like(batch)
    for image, planes in enumerate(batch * std + mean):
        for channel, plane in enumerate(planes):
            spectrum = waves(height) @ plane @ waves(width).T
            for down in range(height):
                for across in range(width):
                    # where the centred spectrum shows this frequency
                    row = (down + height // 2) % height - (height - 1) / 2
                    column = (across + width // 2) % width - (width - 1) / 2
                    if row**2 + column**2 > radius**2:
                        spectrum[down, across] = 0
            back = waves(height).conj() @ spectrum @ waves(width).conj() / plane.size
            answers[image, channel] = np.abs(back)
    return (answers - mean) / std


@pytest.mark.parametrize(('side', 'radius'), [(16, 3), (17, 4), (28, 5)])
def test_compat_is_the_released_filter(side: int, radius: int) -> None:
    """Breaks when ``compat`` is centred, drops the imaginary part where the release
    takes the magnitude, or works on normalised pixels."""
    batch = images(side, side)
    actual = LowPassTarget(radius / side, compat=True)(batch).numpy()
    expected = released(batch.double().numpy(), radius)
    np.testing.assert_allclose(actual, expected, atol=5e-6)
    centred = LowPassTarget(radius / side)(batch).numpy()
    if side % 2 == 0:
        assert np.abs(actual - centred).max() > 0.01, 'off centre where a side is even'


def by_loops(plane: np.ndarray, window: int) -> np.ndarray:
    """Every pixel against the pixels around it that exist."""
    reach, (height, width) = window // 2, plane.shape
    answer = np.empty_like(plane)
    for row in range(height):
        for column in range(width):
            around = plane[
                max(row - reach, 0) : row + reach + 1, max(column - reach, 0) : column + reach + 1
            ]
            # the release adds 1e-6 to the variance, not to the deviation
            deviation = np.sqrt(around.var(ddof=1) + 1e-6)
            answer[row, column] = (plane[row, column] - around.mean()) / deviation
    return answer


@pytest.mark.parametrize(('size', 'window'), [((11, 14), 5), ((9, 9), 47), ((56, 50), 47)])
def test_local_norm_is_its_definition(size, window) -> None:
    """Breaks when the border counts as pixels, when the variance is biased, or when a
    window beyond the image is not cut to it."""
    batch = images(*size)[:1]
    actual = LocalNormTarget(window)(batch).numpy()
    for plane, result in zip(batch[0].double().numpy(), actual[0], strict=True):
        np.testing.assert_allclose(result, by_loops(plane, window), atol=1e-4)


def test_local_norm_of_a_flat_image_is_zero() -> None:
    """Breaks when a variance below zero, which rounding makes, becomes not a number."""
    flat = torch.full((1, 3, 20, 20), 1.7) + 1e-4 * images(20, 20)[:1]
    answer = LocalNormTarget(5)(flat)
    assert answer.isfinite().all() and answer.abs().max() < 1


@pytest.mark.parametrize('target', ['LowPassTarget', 'LocalNormTarget'])
def test_targets_are_computed_in_full_precision(target: str) -> None:
    """Breaks when mixed precision rounds what is to be predicted."""
    head = PixelHead(8, norm_pix=False, target=dict(type=f'mim_secrets.{target}'))
    batch, ids = images(32, 32), torch.arange(16).expand(2, -1)
    exact = head.target(batch, ids)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(head.target(batch, ids), exact)
        halved = head.target(batch.bfloat16(), ids)
    assert halved.dtype == torch.float32


def test_pictures_undo_the_local_norm() -> None:
    """Breaks when a perfect prediction is not drawn as the image itself."""
    head = PixelHead(8, norm_pix=False, target=dict(type='mim_secrets.LocalNormTarget', window=7))
    batch, ids = images(32, 32), torch.tensor([[3, 0], [15, 7]])
    drawn = head.to_patches(head.target(batch, ids), batch, ids)
    plain = PixelHead(8, norm_pix=False)
    expected = plain.to_patches(plain.pixels(batch, ids), batch, ids)
    torch.testing.assert_close(drawn, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda: LowPassTarget(40), 'cutoff is 40 cycles per pixel'),
        (lambda: LowPassTarget(0), 'cutoff is 0 cycles per pixel'),
        (lambda: LocalNormTarget(46), 'it must be odd'),
        (lambda: LocalNormTarget(1), 'at least 3'),
    ],
)
def test_what_makes_no_sense_is_refused(build, message: str) -> None:
    """Breaks when a radius in pixels passes for a frequency, or a window has no centre."""
    with pytest.raises(ValueError, match=message):
        build()
