"""Spectra of token maps: known ones, and a transform that is written out."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.measures.measure import Group
from mim_secrets.analysis.measures.spectrum import (
    FLOOR,
    ODD,
    Spectrum,
    frequencies,
    log_amplitudes,
)

LOWEST = np.log(FLOOR)


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def slow_log_amplitudes(maps: np.ndarray) -> np.ndarray:
    """Sum over all tokens of each map, frequency by frequency; frequency 0 is in it."""
    images, height, width, channels = maps.shape
    short = min(height, width)
    found = np.zeros((images, short // 2 + 1))
    row, column = np.mgrid[:height, :width]
    for number in range(short // 2 + 1):
        # the whole number nearest to the same share of pi, halves upwards
        down, across = (
            min(int(number * side / short + 0.5 + 1e-9), side // 2) for side in (height, width)
        )
        wave = np.exp(-2j * np.pi * (down * row / height + across * column / width))
        for image in range(images):
            for channel in range(channels):
                amplitude = abs((maps[image, :, :, channel] * wave).sum())
                found[image, number] += np.log(amplitude) / channels
    return found - found[:, :1]


@pytest.mark.parametrize('grid', [(8, 8), (7, 7), (6, 10), (9, 4), (14, 7), (1, 5)])
def test_all_grids_are_as_written_out(grid: tuple[int, int]) -> None:
    """Breaks when rows and columns change places, a frequency is read twice, the mean is
    taken before the logarithm, or the longer side is read somewhere else."""
    maps = noise(3, *grid, 5) + 1.0
    found = log_amplitudes(maps)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found, slow_log_amplitudes(maps.double().numpy()), atol=2e-5)


@pytest.mark.parametrize(
    ('grid', 'shares'),
    [
        ((8, 8), [0, 0.25, 0.5, 0.75, 1]),
        ((7, 7), [0, 2 / 7, 4 / 7, 6 / 7]),
        ((6, 10), [0, 1 / 3, 2 / 3, 1]),
        ((1, 1), [0]),
    ],
)
def test_frequencies_are_shares_of_pi(grid: tuple[int, int], shares: list[float]) -> None:
    """Breaks when a frequency is given in another unit, or an odd side is said to have pi."""
    np.testing.assert_allclose(frequencies(grid), shares, atol=1e-12)
    assert log_amplitudes(noise(1, *grid, 2)).shape == (1, len(shares))


@pytest.mark.parametrize('number', [1, 2, 3, 4])
def test_a_sine_is_at_its_frequency_alone(number: int) -> None:
    """Breaks when frequencies are off by one, or the floor is not what it says.

    The map is the mean plus one wave of half its amplitude along the diagonal.
    """
    row, column = torch.meshgrid(torch.arange(8), torch.arange(8), indexing='ij')
    wave = torch.cos(2 * torch.pi * number / 8 * (row + column))
    maps = (2.0 + wave)[None, :, :, None].repeat(1, 1, 1, 3)
    (found,) = log_amplitudes(maps)
    expected = np.full(5, LOWEST)
    expected[0] = 0
    # at pi both halves of the cosine's amplitude meet
    expected[number] = np.log(0.5 if number == 4 else 0.25)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_flat_and_empty_maps() -> None:
    """Breaks when what is zero gives no number."""
    (flat,), (empty,) = (
        log_amplitudes(torch.full((1, 6, 6, 2), 3.0)),
        log_amplitudes(torch.zeros(1, 6, 6, 2)),
    )
    np.testing.assert_allclose(flat, [0, LOWEST, LOWEST, LOWEST], atol=1e-5)
    assert not empty.any()


def test_white_noise_is_flat() -> None:
    """Breaks when frequencies weigh differently. Amplitudes of noise are real at 0 and at
    pi and complex between, whose expected logarithms differ by ln(2) / 2."""
    found = log_amplitudes(noise(400, 8, 8, 32)).mean(dim=0)
    np.testing.assert_allclose(found, [0, *[np.log(2) / 2] * 3, 0], atol=0.04)


def test_scale_makes_no_difference() -> None:
    """Breaks when the floor is an absolute one."""
    maps = noise(2, 6, 6, 4)
    torch.testing.assert_close(log_amplitudes(maps), log_amplitudes(maps * 1e-9), atol=1e-4, rtol=0)


def looked_at() -> Spectrum:
    """A pyramid of one layer with 8 x 8 tokens and one with 3 x 3."""
    layers = [SimpleNamespace(stage=0, stride=4), SimpleNamespace(stage=1, stride=12)]
    subject = SimpleNamespace(layers=layers, image_size=32)
    return Spectrum({'model': subject})


def show(spectrum: Spectrum, maps: list[torch.Tensor], batch: int) -> Spectrum:
    numbers = np.arange(len(maps[0]))
    for start in range(0, len(numbers), batch):
        for layer, values in enumerate(maps):
            part = values[start : start + batch]
            # a class token, which is no part of the map
            tokens = torch.nn.functional.pad(part.flatten(1, 2), (0, 0, 1, 0), value=1e6)
            spectrum.see_tokens('model', layer, 'block', Tokens(tokens, 1, part.shape[1:3]))
            spectrum.see_tokens('model', layer, 'mlp', Tokens(tokens * 0, 1, part.shape[1:3]))
    spectrum.end_group(Group(0, numbers))
    return spectrum


def test_tables_have_the_frequencies_of_each_layer() -> None:
    """Breaks when a stage gets another one's frequencies, when another part than blocks or
    the class token is counted, or when intervals do not hold the mean."""
    maps = [noise(9, 8, 8, 4) + 1, noise(9, 3, 3, 6, seed=1) + 1]
    tables = show(looked_at(), maps, 4).tables()
    whole, highest = tables['spectrum']['model'], tables['spectrum_layer']['model']
    np.testing.assert_array_equal(whole.index['layer'], [0] * 5 + [1] * 2)
    np.testing.assert_array_equal(whole.index['stage'], [0] * 5 + [1] * 2)
    np.testing.assert_allclose(
        whole.index['frequency'], [0, 0.25, 0.5, 0.75, 1, 0, 2 / 3], atol=1e-12
    )
    expected = [log_amplitudes(values).mean(dim=0).numpy() for values in maps]
    np.testing.assert_allclose(whole.values.mean, np.concatenate(expected), atol=1e-5)
    np.testing.assert_allclose(highest.values.mean, [part[-1] for part in expected], atol=1e-5)
    assert whole.images == highest.images == 9
    assert whole.notes == highest.notes == (ODD,)
    inside = whole.index['frequency'] > 0
    assert (whole.values.low < whole.values.mean)[inside].all()
    assert (whole.values.mean < whole.values.high)[inside].all()
    assert not whole.values.high[~inside].any()


def test_batches_make_no_difference() -> None:
    """Breaks when a batch, and not an image, is what is counted."""
    maps = [noise(9, 8, 8, 4), noise(9, 3, 3, 6, seed=1)]
    once = show(looked_at(), maps, 9).tables()['spectrum']['model']
    often = show(looked_at(), maps, 2).tables()['spectrum']['model']
    for one, other in zip(once.values, often.values):
        np.testing.assert_allclose(one, other, atol=1e-6)
