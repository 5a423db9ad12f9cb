"""Depth in colours, and the scale that says which."""

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, PixelData

from mim_secrets.apis.inferencers.canvas import Canvas
from mim_secrets.apis.inferencers.colours import VISIONS, smallest_difference
from mim_secrets.apis.inferencers.depth import STEPS_PER_METRE, in_steps, on_photograph
from mim_secrets.apis.inferencers.depth_scale import depth_colours, ticks
from mim_secrets.apis.labels import draw, of_results, of_sample

GREY = np.full((300, 400, 3), 128, np.uint8)


def test_colours_get_darker_with_distance_for_all_eyes() -> None:
    """Breaks when the map is turned round, or replaced by one that looks the same at two
    distances without red- or without green-sensitive cones."""
    linear = (depth_colours() / 255) ** 2.2
    lightness = np.einsum('vij,nj->vni', VISIONS, linear) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(lightness[:, ::8], axis=1) < 0).all()
    assert smallest_difference(depth_colours()[::16]) > 0.025


def test_every_pixel_has_the_colour_of_its_depth() -> None:
    """Breaks when depth is mirrored, transposed, or scaled to other ends; or when pixels
    without depth are painted."""
    metres = np.linspace(2, 4, 400, dtype=np.float32).repeat(300).reshape(400, 300).T.copy()
    metres[:50], metres[50:60, :50], metres[60:70, :50] = 0, np.nan, np.inf
    canvas = Canvas(GREY)
    canvas.depth(metres, 2.0, 4.0)
    pixels, colours = canvas.pixels, depth_colours()
    assert (pixels[:50] == 128).all() and (pixels[50:70, :50] == 128).all()
    for column in (0, 133, 399):
        expected = colours[round(column / 399 * 255)]
        assert np.abs(pixels[100, column].astype(int) - expected).max() <= 3, column
    beyond = Canvas(GREY)
    beyond.depth(metres, 2.5, 3.0)
    assert (beyond.pixels[100, :100] == colours[0]).all()
    assert (beyond.pixels[100, 201:] == colours[-1]).all()


@pytest.mark.parametrize('size', [(384, 640), (640, 384), (4, 384), (400, 8)])
@pytest.mark.parametrize('ends', [(0.7, 9.6), (3.0, 3.0), (5.01, 5.02), (1.0, 80.0)])
def test_the_scale_is_that_of_the_picture(size: tuple, ends: tuple) -> None:
    """Breaks when the strip has other colours than the picture, covers it, or a range
    without extent or a thin picture ends in an error."""
    canvas = Canvas(np.full((*size, 3), 128, np.uint8))
    before = canvas.pixels
    canvas.scale(*ends)
    after = canvas.pixels
    assert (after[: len(before)] == before).all() and len(after) > len(before)
    if size[1] > 300:
        strip = after[len(before) :]
        row = strip[np.ptp(strip.astype(int), axis=(1, 2)).argmax()]
        found = [next(i for i, c in enumerate(row) if (c == colour).all()) for colour in
                 (depth_colours()[0], depth_colours()[-1])]  # fmt: skip
        assert found[0] < 0.1 * size[1] and found[1] > 0.85 * size[1]


def test_ticks_are_round_and_inside() -> None:
    """Breaks when numbers under the scale are crooked, outside of it, or too many."""
    assert ticks(0.7, 9.6) == [2, 4, 6, 8]
    assert ticks(0, 80) == [0, 10, 20, 30, 40, 50, 60, 70, 80]
    assert ticks(3, 3) == [3]
    np.testing.assert_allclose(ticks(5.011, 5.02), [5.012, 5.014, 5.016, 5.018, 5.02])


def test_files_hold_what_16_bits_can() -> None:
    """Breaks when depth beyond 256 m wraps around, a small one becomes none, or none
    becomes one."""
    metres = np.array([[0.0, np.nan, -1.0, 1e-4], [1.0, 80.0, 1e6, np.inf]], np.float32)
    steps = in_steps(metres)
    assert steps.dtype == np.uint16
    assert steps.tolist() == [[0, 0, 0, 1], [256, 80 * STEPS_PER_METRE, 65535, 65535]]


def test_a_crop_goes_back_to_its_place() -> None:
    """Breaks when depth of KITTI's crop is drawn beside what it is of."""
    placed = on_photograph(np.ones((4, 6), np.float32), (7, 11))
    assert np.isfinite(placed).sum() == 24 and (placed[3:, 2:8] == 1).all()


def test_labels_show_measured_depth_only() -> None:
    """Breaks when browsing or testing shows no depth, or paints what was not measured."""
    metres = np.zeros((300, 400), np.float32)
    metres[100:200, 50:250] = 7
    metres[100, 50] = 2
    pixels = np.full((300, 400, 3), 90, np.uint8)
    changed = (draw(pixels, of_results(dict(gt_depth_map=metres), {}))[:300] != 90).any(axis=2)
    assert (changed == (metres > 0)).all()
    nothing = draw(pixels, of_results(dict(gt_depth_map=0 * metres), {}))
    assert nothing.shape == pixels.shape and (nothing == 90).all()


def test_pictures_of_a_test_show_depth_and_its_truth() -> None:
    """Breaks when `tools/test.py --show-dir` draws the one for the other, or depth of KITTI's
    crop beside its place in the photograph."""
    truth = torch.zeros(1, 200, 300)
    truth[0, 50, 60] = 3
    sample = BaseDataElement(
        gt_depth_map=PixelData(data=truth), pred_depth_map=PixelData(data=torch.full_like(truth, 5))
    )
    pixels = np.full((300, 400, 3), 90, np.uint8)
    known, predicted = (
        (draw(pixels, of_sample(sample, {}, which))[:300] != 90).any(axis=2)
        for which in (False, True)
    )
    assert np.argwhere(known).tolist() == [[150, 110]]
    assert predicted[100:, 50:350].all() and predicted.sum() == 200 * 300
