"""Errors of reconstructions by frequency: known ones, and sums that are written out."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mim_secrets.analysis.measures.measure import Group
from mim_secrets.analysis.measures.reconstruction import (
    BANDS,
    EDGES,
    ReconstructionBands,
    band_power,
    masks_of,
)
from mim_secrets.models import MAE, Reconstruction
from tests.models.small import small_config, small_model

SIZE, PATCH = 32, 8
STD = (50.0, 60.0, 70.0)


def pictures(count: int = 5) -> torch.Tensor:
    return torch.randn(count, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(2))


def wave(down: int, across: int) -> torch.Tensor:
    """(SIZE, SIZE) so many periods along each side."""
    row, column = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing='ij')
    return torch.sin(2 * torch.pi * (down * row + across * column + 3) / SIZE)


def subject_of(model: torch.nn.Module, **facts) -> SimpleNamespace:
    return SimpleNamespace(**dict(model=model, std=STD, channels=(0, 1, 2)) | facts)


def measured(subjects: dict, images: torch.Tensor, batch: int = 3, numbers=None):
    """The tables, of images with their numbers, seen in batches."""
    measure = ReconstructionBands(subjects)
    numbers = np.arange(len(images)) if numbers is None else np.array(numbers)
    for start in range(0, len(images), batch):
        part = slice(start, start + batch)
        for name in subjects:
            measure.see_images(name, images[part], numbers[part])
    measure.end_group(Group(0, numbers))
    return measure.tables()


def slow_band_power(picture: np.ndarray) -> np.ndarray:
    """Of one picture (C, h, w), frequency by frequency; those on an edge belong below."""
    height, width = picture.shape[1:]
    found = np.zeros(BANDS)
    transforms = np.fft.fft2(picture)
    for u in range(height):
        for v in range(width):
            down, across = (min(n, side - n) / side * 2 for n, side in ((u, height), (v, width)))
            radius = np.sqrt(down**2 + across**2)
            for band in range(BANDS):
                if EDGES[band] < radius - 1e-12 <= EDGES[band + 1]:
                    found[band] += (np.abs(transforms[:, u, v]) ** 2).sum()
    return found


@pytest.mark.parametrize('size', [(32, 32), (15, 24), (8, 8)])
def test_bands_are_as_written_out(size: tuple[int, int]) -> None:
    """Breaks when a frequency is in the wrong ring, in two, or a channel is left out."""
    images = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    expected = [slow_band_power(image) for image in images.double().numpy()]
    np.testing.assert_allclose(band_power(images), expected, rtol=1e-9)


@pytest.mark.parametrize(
    ('down', 'across', 'band'),
    [(1, 0, 0), (0, 2, 0), (2, 1, 1), (0, 5, 2), (6, 8, 4), (0, 16, 7), (13, 13, None)],
)
def test_a_wave_is_in_its_ring_alone(down: int, across: int, band: int | None) -> None:
    """Breaks when rings are counted in another unit, an edge belongs above, or the corners
    beyond pi are counted. A wave of amplitude 1 has half the pixels' number as energy."""
    (found,) = band_power(wave(down, across)[None, None])
    expected = np.zeros(BANDS)
    if band is not None:
        # Parseval: the transform of n pixels has n times their energy
        expected[band] = SIZE**2 * wave(down, across).double().square().sum()
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_mean_colours_do_not_count() -> None:
    """Breaks when frequency 0 is in the lowest band, so that results depend on what the
    preprocessor subtracts."""
    images = pictures(1)
    torch.testing.assert_close(band_power(images + 100), band_power(images), rtol=1e-6, atol=1e-3)


class WaveOver(MAE):
    """Rebuilds pictures exactly, but for a wave on all of them."""

    def reconstruct(self, inputs, mask=None) -> Reconstruction:
        return Reconstruction(inputs, inputs, inputs, inputs + 0.5 * wave(6, 8))


def test_a_wrong_wave_raises_its_band_alone() -> None:
    """Breaks when errors get into other bands, or pictures are averaged before powers."""
    images = pictures()
    model = WaveOver(**small_config('MAE')).eval()
    table = measured({'wave': subject_of(model)}, images)['reconstruction']['wave']
    np.testing.assert_array_equal(table.index['low_frequency'], np.arange(8) / 8)
    np.testing.assert_array_equal(table.index['high_frequency'], np.arange(1, 9) / 8)
    grey = torch.tensor(STD)[:, None, None]
    wrong = SIZE**2 * (0.5 * wave(6, 8) * grey).square().sum().item()
    whole = band_power(images * grey).mean(dim=0).numpy()
    expected = np.zeros(BANDS)
    expected[4] = wrong / whole[4]
    np.testing.assert_allclose(table.values.mean, expected, rtol=1e-5, atol=1e-9)
    assert table.values.low[4] < expected[4] < table.values.high[4]
    assert table.images == 5


@pytest.mark.parametrize('norm_pix', [True, False])
def test_a_model_errs_as_written_out(norm_pix: bool) -> None:
    """Breaks when masks are others than those of the images' numbers, when visible patches
    count, when a patch is put in the wrong place, or powers are not those of grey levels.

    The model wants blue first, and its deviations are told in the order of RGB."""
    torch.manual_seed(0)
    head = dict(type='mim_secrets.PixelHead', norm_pix=norm_pix)
    model = small_model('MAE', head=head).eval()
    images, numbers = pictures(3), [7, 3, 11]
    subject = subject_of(model, channels=(2, 1, 0))
    table = measured({'m': subject}, images, numbers=numbers)['reconstruction']['m']
    wrong, whole = np.zeros(BANDS), np.zeros(BANDS)
    for image, number in zip(images, numbers):
        masking = copy.deepcopy(model.masking)
        masking.reseed(number)
        mask = masking(1, (4, 4), torch.device('cpu'))
        with torch.no_grad():
            predicted = model.predict_masked(image[None], mask)[0].double().numpy()
        rebuilt = image.double().numpy().copy()
        for patch, pixels in zip(mask.masked[0].tolist(), predicted):
            top, left = patch // 4 * PATCH, patch % 4 * PATCH
            place = (slice(None), slice(top, top + PATCH), slice(left, left + PATCH))
            true = image.double().numpy()[place]
            pixels = pixels.reshape(PATCH, PATCH, 3).transpose(2, 0, 1)
            if norm_pix:
                pixels = pixels * np.sqrt(true.var(ddof=1) + 1e-6) + true.mean()
            rebuilt[place] = pixels
        grey = np.array(STD[::-1])[:, None, None]
        wrong += slow_band_power((rebuilt - image.double().numpy()) * grey)
        whole += slow_band_power(image.double().numpy() * grey)
    np.testing.assert_allclose(table.values.mean, wrong / whole, rtol=1e-4)
    assert any('75%' in note for note in table.notes)
    assert any('mean and contrast' in note for note in table.notes) == norm_pix


def test_batches_and_order_make_no_difference() -> None:
    """Breaks when a mask depends on what was drawn before, or on the place in a batch."""
    torch.manual_seed(0)
    model, images = small_model('MFF').eval(), pictures()
    subjects = {'m': subject_of(model)}
    once = measured(subjects, images, batch=5)['reconstruction']['m'].values
    often = measured(subjects, images, batch=1)['reconstruction']['m'].values
    order = [3, 1, 4, 0, 2]
    turned = measured(subjects, images[order], numbers=order)['reconstruction']['m'].values
    for one, two, three in zip(once, often, turned):
        np.testing.assert_allclose(one, two, rtol=1e-6)
        np.testing.assert_allclose(one, three, rtol=1e-6)


def test_masks_differ_between_images_and_are_whole() -> None:
    """Breaks when all images get one mask, or only the patches that a loss asks for."""
    masking = dict(type='mim_secrets.RandomMasking', asked_share=0.5, masks_per_image=2)
    model, images = small_model('MAE', masking=masking).eval(), pictures(4)
    masks = masks_of(model, images, np.arange(4))
    assert masks.masked.shape == (4, 12)
    assert len({tuple(ids.sort().values.tolist()) for ids in masks.masked}) == 4
    assert masks.some is None


def test_no_trace_is_left() -> None:
    """Breaks when looking at a model moves its stream of masks, torch's generator or its
    parameters' gradients."""
    model, images = small_model('MAE').eval(), pictures()
    model.masking.reseed(5)
    model.draw_mask(images)
    twin = copy.deepcopy(model.masking)
    state = torch.get_rng_state()
    measured({'m': subject_of(model)}, images)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(model.draw_mask(images).masked, twin(5, (4, 4), images.device).masked)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training


def test_models_of_no_pictures_are_left_out() -> None:
    """Breaks when a classifier gets a row, is not mentioned, or leaves an empty table."""
    plain, images = subject_of(torch.nn.Identity()), pictures(2)
    table = measured({'sup': plain, 'm': subject_of(small_model('MAE').eval())}, images)
    assert list(table['reconstruction']) == ['m']
    assert any('sup' in note for note in table['reconstruction']['m'].notes)
    assert measured({'sup': plain}, images) == {}


def test_another_target_is_told() -> None:
    """Breaks when a reader does not learn that PixMIM was asked for less detail."""
    head = dict(type='mim_secrets.PixelHead', target=dict(type='mim_secrets.LowPassTarget'))
    model = small_model('MAE', head=head).eval()
    (table,) = measured({'m': subject_of(model)}, pictures(2))['reconstruction'].values()
    assert any('LowPassTarget' in note for note in table.notes)
