"""KB crop, CutDepth and changes of colour."""

import cv2
import numpy as np
import pytest

from mim_secrets.datasets.depth import (
    CutDepth,
    KBCrop,
    RandomBrightnessContrast,
    RandomGamma,
    RandomHueSaturationValue,
)

COLOUR = (RandomBrightnessContrast, RandomGamma, RandomHueSaturationValue)


def sample(height: int = 40, width: int = 120) -> dict:
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 15, (height, width)).astype(np.float32)
    depth[:5] = 0
    return dict(
        img=rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        gt_depth_map=depth,
        seg_fields=['gt_depth_map'],
        ori_shape=(height, width),
        depth_rescale_factor=1e-3,
    )


@pytest.mark.parametrize('shape', [(375, 1242), (370, 1226), (376, 1241)])
def test_kb_crop_takes_the_lower_middle(shape: tuple[int, int]):
    """Breaks when picture and depth part, the crop leaves the bottom or the middle, or
    predictions would be scaled back to the whole picture."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    results = dict(
        img=np.dstack([rows, columns, rows]),
        gt_depth_map=rows * 10_000 + columns,
        seg_fields=['gt_depth_map'],
        ori_shape=shape,
    )
    results = KBCrop()(results)
    assert results['img'].shape == (352, 1216, 3)
    assert results['img_shape'] == results['ori_shape'] == (352, 1216)
    top, left = results['img'][0, 0, :2]
    assert (top, left) == (shape[0] - 352, (shape[1] - 1216) // 2)
    joined = results['img'][..., 0] * 10_000 + results['img'][..., 1]
    np.testing.assert_array_equal(joined, results['gt_depth_map'])


def test_kb_crop_refuses_small_pictures():
    """Breaks when a picture that is too small is cut from its other end."""
    results = sample() | dict(img_path='small.png')
    with pytest.raises(ValueError, match='small.png has 120x40 pixels, too few .* 1216x352'):
        KBCrop()(results)


def test_cut_depth_shows_metres_over_the_range_of_a_picture():
    """Breaks when the strip wraps around, shows another depth than that behind it, does not
    reach from top to bottom, or changes the picture that was given."""
    np.random.seed(3)
    before = sample()
    after = CutDepth(max_depth=10.0, prob=1.0)(before | dict(img=before['img']))
    changed = np.flatnonzero((after['img'] != before['img']).any((0, 2)))
    strip = slice(changed[0], changed[-1] + 1)
    shown = np.rint(np.minimum(before['gt_depth_map'] / 10, 1) * 255)[:, strip, None]
    np.testing.assert_array_equal(after['img'][:, strip], shown.repeat(3, -1))
    assert (after['img'][:5, strip] == 0).all() and (after['img'][:, strip] == 255).any()
    np.testing.assert_array_equal(after['gt_depth_map'], before['gt_depth_map'])
    np.testing.assert_array_equal(before['img'], sample()['img'])


def test_cut_depth_of_the_reference_wraps_the_steps_of_the_file():
    """Breaks when models are not trained as the released ones were, on request."""
    np.random.seed(3)
    before = sample()
    before['gt_depth_map'] = np.rint(before['gt_depth_map'] * 1000).astype(np.float32) / 1000
    after = CutDepth(max_depth=10.0, prob=1.0, reference_compat=True)(dict(before))
    changed = np.flatnonzero((after['img'] != before['img']).any((0, 2)))
    strip = slice(changed[0], changed[-1] + 1)
    millimetres = np.rint(before['gt_depth_map'] * 1000).astype(int)[:, strip, None] % 256
    np.testing.assert_array_equal(after['img'][:, strip], millimetres.repeat(3, -1))


def test_cut_depth_covers_every_column_and_no_more_than_it_may():
    """Breaks when a strip is empty, leaves the picture or takes more than three quarters of
    what lies right of its beginning, or some column is never covered."""
    np.random.seed(0)
    cut, covered, applied = CutDepth(max_depth=10.0), np.zeros(40, int), 0
    for _ in range(2000):
        results = sample(4, 40) | dict(img=np.ones((4, 40, 3), np.uint8))
        results['gt_depth_map'] = np.full((4, 40), 5.0, np.float32)
        changed = (cut(results)['img'] == 128).all((0, 2))
        covered += changed
        applied += changed.any()
        if changed.any():
            start, wide = np.argmax(changed), changed.sum()
            assert changed[start : start + wide].all()
            assert wide <= max(1, 0.75 * (40 - start))
    assert 430 < applied < 570
    assert (covered > 0).all()


@pytest.mark.parametrize('transform', COLOUR)
def test_colours_change_as_often_as_asked_and_never_by_accident(transform: type):
    """Breaks when a chance is ignored, two equal seeds differ, the geometry moves, or the
    picture that was given is changed."""
    given = sample()
    never = transform(prob=0.0)(dict(given))
    assert never['img'] is given['img']
    np.random.seed(1)
    results = [transform(prob=0.5)(dict(given))['img'] for _ in range(200)]
    changed = sum(not np.array_equal(image, given['img']) for image in results)
    assert 75 < changed < 125
    np.testing.assert_array_equal(given['img'], sample()['img'])
    for image in results:
        assert image.dtype == np.uint8 and image.shape == given['img'].shape
    np.random.seed(1)
    again = [transform(prob=0.5)(dict(given))['img'] for _ in range(200)]
    assert all(np.array_equal(a, b) for a, b in zip(results, again))


def test_brightness_contrast_and_gamma_stay_within_their_limits():
    """Breaks when a limit is exceeded or not nearly reached, or levels wrap around."""
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(3, -1)
    np.random.seed(0)
    bright = [RandomBrightnessContrast(prob=1.0)(dict(img=ramp))['img'][0] for _ in range(300)]
    levels = np.array(bright)[..., 0].astype(int)
    assert (np.diff(levels, axis=1) >= 0).all()
    assert 45 < levels[:, 0].max() <= 51 and levels[:, 0].min() == 0
    gamma = [RandomGamma(prob=1.0)(dict(img=ramp))['img'][0] for _ in range(300)]
    levels = np.array(gamma)[..., 0].astype(int)
    assert (levels[:, 0] == 0).all() and (levels[:, 255] == 255).all()
    low, high = 255 * (64 / 255) ** 1.2, 255 * (64 / 255) ** 0.8
    assert low - 1 <= levels[:, 64].min() < low + 3
    assert high - 3 < levels[:, 64].max() <= high + 1


def test_hue_turns_round_and_saturation_and_value_stop_at_their_ends():
    """Breaks when red does not turn into its neighbours on both sides, or a bright colour
    turns dark by overflow."""
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 2] = 255
    np.random.seed(0)
    turned = [RandomHueSaturationValue(prob=1.0)(dict(img=red))['img'] for _ in range(200)]
    hsv = np.array([cv2.cvtColor(image, cv2.COLOR_BGR2HSV)[0, 0] for image in turned]).astype(int)
    assert (np.minimum(hsv[:, 0], 180 - hsv[:, 0]) <= 20).all()
    assert (hsv[:, 0] > 150).any() and ((hsv[:, 0] > 5) & (hsv[:, 0] < 30)).any()
    assert hsv[:, 1].min() > 220 and hsv[:, 2].min() > 230
