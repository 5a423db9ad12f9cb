"""Bootstrap intervals: that they cover, how wide they are, and that parts add up."""

import warnings

import numpy as np
import pytest

from mim_secrets.analysis.statistics import REPLICATES, Sums, copies, estimate


@pytest.fixture(autouse=True)
def _no_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        yield


def sums_of(values: np.ndarray, images: np.ndarray) -> Sums:
    sums = Sums(values.shape[1])
    sums.add(values, copies(images))
    return sums


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Breaks when intervals are of another level, or replicates are divided by another
    number than that of their images.

    Of 300 intervals 285 should hold the truth; binomial deviation is
    sqrt(300 * 0.95 * 0.05) = 3.8, and 11 either way are three of them.
    """
    generator = np.random.default_rng(0)
    held = 0
    for start in range(0, 3000, 100):
        values = generator.normal(3, 2, (100, 10))
        found = estimate(sums_of(values, np.arange(start, start + 100)).means())
        held += ((found.low <= 3) & (found.high >= 3)).sum()
    assert 274 <= held <= 296


def test_intervals_are_as_wide_as_theory_has_it() -> None:
    """Breaks when the spread of replicates is not that of means of n images.

    An end of an interval, read from 400 replicates, has a deviation of 0.134 standard
    errors (sqrt(0.025 * 0.975 / 400) / 0.0584), so a width one of 4.8 %: each may be off
    by four of them, and the mean of 64 by 0.6 %, 3 % with what n = 400 leaves.
    """
    values = np.random.default_rng(1).normal(5, 2, (400, 64))
    found = estimate(sums_of(values, np.arange(400)).means())
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    ratios = (found.high - found.low) / 2 / (1.96 * values.std(axis=0, ddof=1) / 20)
    assert (abs(ratios - 1) < 0.20).all()
    assert ratios.mean() == pytest.approx(1, abs=0.03)
    assert ((found.low < found.mean) & (found.mean < found.high)).all()


def test_copies_depend_on_the_image_alone() -> None:
    """Breaks when they are drawn from a generator that images share."""
    together = copies(np.array([5, 3, 900_000, 0]))
    assert together.shape == (1 + REPLICATES, 4)
    for place, image in enumerate([5, 3, 900_000, 0]):
        np.testing.assert_array_equal(copies(np.array([image]))[:, 0], together[:, place])
    assert len(np.unique(together, axis=1).T) == 4
    np.testing.assert_array_equal(together[0], 1)
    assert (copies(np.array([5]), seed=1) != together[:, :1]).any()
    assert copies(np.array([], int)).shape == (1 + REPLICATES, 0)


def test_copies_are_poisson() -> None:
    """Breaks when images or replicates hang together, or count more than once on average.

    Of 400 x 500 numbers the mean has a deviation of 0.0022 and the variance one of 0.0039
    (the fourth moment of Poisson(1) about its mean is 4); four are allowed.
    """
    drawn = copies(np.arange(500))[1:]
    assert drawn.mean() == pytest.approx(1, abs=0.009)
    assert drawn.var() == pytest.approx(1, abs=0.016)
    assert (drawn == drawn.round()).all()
    # the largest of 125,000 correlations of 400 numbers
    between_images = np.corrcoef(drawn.T) - np.eye(500)
    assert abs(between_images).max() < 0.3


def test_halves_add_up_to_the_whole() -> None:
    """Breaks when merging leaves something out, or intervals depend on who saw what."""
    values = np.random.default_rng(2).normal(size=(50, 3))
    images = np.random.default_rng(3).permutation(1000)[:50]
    whole = sums_of(values, images)
    first, second = sums_of(values[:20], images[:20]), sums_of(values[20:], images[20:])
    second.merge(first)
    np.testing.assert_allclose(second.totals, whole.totals, rtol=1e-12)
    np.testing.assert_allclose(second.values, whole.values, rtol=1e-12, atol=1e-12)
    order = np.random.default_rng(4).permutation(50)
    turned = sums_of(values[order], images[order])
    for mine, theirs in zip(estimate(turned.means()), estimate(whole.means()), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=0, atol=1e-12)


def test_replicates_without_images_do_not_count() -> None:
    """Breaks when they make an interval NaN, or count as 0."""
    sums = sums_of(np.array([[7.0, -1.0]]), np.array([4]))
    assert (sums.totals == 0).any()
    assert (np.isnan(sums.means()).all(axis=1) == (sums.totals == 0)).all()
    for numbers in estimate(sums.means()):
        np.testing.assert_allclose(numbers, [7, -1])


def test_nothing_seen_is_no_number() -> None:
    """Breaks when there is a warning, an error or an interval where no image was seen."""
    for numbers in estimate(Sums(3).means()):
        assert numbers.shape == (3,)
        assert np.isnan(numbers).all()


@pytest.mark.parametrize('shape', [(), (6,), (2, 3)])
def test_a_gap_in_one_number_leaves_the_others_alone(shape: tuple[int, ...]) -> None:
    """Breaks when the replicates that one number lacks are taken from the others."""
    statistic = np.random.default_rng(5).normal(size=(401, *shape))
    flat = statistic.reshape(401, -1)
    flat[30:90, 0] = np.nan
    flat[:, 1:2] = np.nan
    found = estimate(statistic)
    for column in range(flat.shape[1]):
        left = np.sort(flat[1:, column][~np.isnan(flat[1:, column])])
        ends = [np.nan, np.nan]
        if len(left):
            ends = np.interp([0.025, 0.975], np.linspace(0, 1, len(left)), left)
        for numbers, end in zip((found.low, found.high), ends, strict=True):
            np.testing.assert_allclose(np.ravel(numbers)[column], end, rtol=1e-12)


def test_sums_do_not_grow() -> None:
    """Breaks when something is kept for each image."""
    sums = Sums(5)
    sizes = set()
    for start in range(0, 2000, 500):
        sums.add(np.ones((500, 5)), copies(np.arange(start, start + 500)))
        sizes.add(sum(array.nbytes for array in vars(sums).values()))
    assert sizes == {(1 + REPLICATES) * (1 + 5) * 8}
