"""Metrics of depth, against NumPy and against mmseg where it is right."""

import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger
from mmseg.evaluation.metrics import DepthMetric as MMSegDepthMetric

from mim_secrets.evaluation import DepthMetric
from mim_secrets.evaluation.depth_crops import crop_box
from mim_secrets.evaluation.depth_errors import NAMES
from mim_secrets.registry import METRICS

SIZE = (48, 64)
# rows and columns of SIZE, worked out by hand
BOXES = dict(nyu=(4, 47, 4, 60), garg=(19, 47, 2, 61), eigen=(15, 43, 2, 61))


def pictures(count: int = 3, size: tuple[int, int] = SIZE) -> list[tuple[np.ndarray, np.ndarray]]:
    """Predicted and true depths in metres; the pictures differ in error and in gaps."""
    random = np.random.default_rng(0)
    made = []
    for index in range(count):
        true = random.uniform(0.5, 12, size).astype(np.float32)
        true[random.random(size) < 0.2 * (index + 1)] = 0
        error = np.exp(random.normal(0.1 * index, 0.1 + 0.2 * index, size))
        made.append(((np.maximum(true, 0.5) * error).astype(np.float32), true))
    return made


def samples(pairs: list[tuple[np.ndarray, np.ndarray]]) -> list[dict]:
    return [
        dict(
            pred_depth_map=dict(data=torch.from_numpy(predicted)[None]),
            gt_depth_map=dict(data=torch.from_numpy(true)[None]),
            img_path=f'{index}.png',
        )
        for index, (predicted, true) in enumerate(pairs)
    ]


def measured(metric: DepthMetric, pairs: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, float]:
    for sample in samples(pairs):
        metric.process({}, [sample])
    return metric.evaluate(len(pairs))


def by_numpy(p: np.ndarray, t: np.ndarray) -> dict[str, float]:
    """Written from the definitions, for the pixels that are compared."""
    p, t = p.astype(np.float64), t.astype(np.float64)
    worse = np.where(p > t, p / t, t / p)
    g = np.log(p / t)
    return dict(
        d1=np.count_nonzero(worse < 1.25) / p.size,
        d2=np.count_nonzero(worse < 1.5625) / p.size,
        d3=np.count_nonzero(worse < 1.953125) / p.size,
        abs_rel=np.average(np.abs(p - t) / t),
        sq_rel=np.average((p - t) ** 2 / t),
        rmse=np.linalg.norm(p - t) / p.size**0.5,
        rmse_log=np.linalg.norm(g) / p.size**0.5,
        log10=np.average(np.abs(np.log10(p / t))),
        silog=math.sqrt(np.average(g**2) - np.average(g) ** 2 / 2),
    )


@pytest.mark.parametrize('crop', [None, *BOXES])
def test_it_is_what_numpy_says(crop: str | None) -> None:
    """Breaks when a definition, a crop, the range of depths or one of the two means is
    another than its name says."""
    pairs = pictures()
    result = measured(DepthMetric(10.0, crop=crop), pairs)
    top, bottom, left, right = BOXES.get(crop, (0, SIZE[0], 0, SIZE[1]))
    kept = []
    for predicted, true in pairs:
        p, t = predicted[top:bottom, left:right], true[top:bottom, left:right]
        valid = np.logical_and(t > 1e-3, t < 10)
        kept.append((p[valid], t[valid]))
    each = [by_numpy(*pair) for pair in kept]
    together = by_numpy(*(np.concatenate(part) for part in zip(*kept, strict=True)))
    for name in NAMES:
        mean = np.mean([metrics[name] for metrics in each])
        assert result[f'depth/{name}'] == pytest.approx(mean, rel=1e-6), name
        assert result[f'depth/pixel_{name}'] == pytest.approx(together[name], rel=1e-6), name
    assert abs(result['depth/rmse'] / result['depth/pixel_rmse'] - 1) > 0.01
    assert [result[f'depth/{name}'] for name in ('nan', 'infinite', 'not_positive')] == [0, 0, 0]


def test_it_is_what_mmseg_says_of_nyu() -> None:
    """Breaks when our means over images differ from the GLPN convention that mmseg has."""
    pairs = pictures(2, (480, 640))
    theirs = MMSegDepthMetric(min_depth_eval=1e-3, max_depth_eval=10.0, crop_type='nyu_crop')
    for sample in samples(pairs):
        theirs.process({}, [sample])
    expected = theirs.evaluate(len(pairs))
    result = measured(DepthMetric(10.0, crop='nyu'), pairs)
    for name in NAMES:
        assert result[f'depth/{name}'] == pytest.approx(expected[name], rel=1e-4), name


@pytest.mark.parametrize(
    ('crop', 'size', 'box'),
    [
        ('nyu', (480, 640), (45, 471, 41, 601)),
        ('garg', (352, 1216), (143, 349, 43, 1172)),
        ('eigen', (352, 1216), (117, 321, 43, 1172)),
        (None, (5, 7), (0, 5, 0, 7)),
    ],
)
def test_crops_are_the_published_ones(crop: str | None, size: tuple, box: tuple) -> None:
    """Breaks when a row or column is rounded otherwise than in the papers' evaluation."""
    rows, columns = crop_box(crop, *size)
    assert (rows.start, rows.stop, columns.start, columns.stop) == box


def test_what_is_no_depth_is_counted_and_told(caplog: pytest.LogCaptureFixture) -> None:
    """Breaks when infinities and NaNs make the mean one of them, or vanish in silence."""
    ((predicted, true),) = pictures(1)
    true = np.full_like(true, 2.0)
    predicted[:] = 2
    predicted[10, 10:13] = math.nan
    predicted[11, 10:12] = math.inf
    predicted[12, 10:14] = [0, -1, -math.inf, 2]
    predicted[0, 0] = math.nan  # outside the crop
    MMLogger.get_current_instance().addHandler(caplog.handler)
    result = measured(DepthMetric(10.0, crop='garg'), [(predicted, true)])
    assert result['depth/nan'] == 4
    assert result['depth/infinite'] == 2
    assert result['depth/not_positive'] == 3
    rows, columns = crop_box('garg', *SIZE)
    assert rows.start > 12  # nothing of that is compared
    assert result['depth/rmse'] == 0
    assert '(4 nan, 2 infinite, 3 not_positive)' in caplog.text
    whole = measured(DepthMetric(10.0), [(predicted, true)])
    squares = 7 * (2 - 1e-3) ** 2 + 2 * (10 - 2) ** 2
    assert whole['depth/rmse'] == pytest.approx(math.sqrt(squares / true.size), rel=1e-6)
    assert all(math.isfinite(value) for value in whole.values())
    # mmengine's JSON file would have null for an integer
    assert all(isinstance(value, float) for value in whole.values())


def test_a_picture_without_depth_is_left_out() -> None:
    """Breaks when such a picture makes the mean NaN, counts as perfect, or is not told."""
    pairs = pictures()
    without = [*pairs, (pairs[0][0], np.zeros(SIZE, np.float32))]
    expected, result = (measured(DepthMetric(10.0), some) for some in (pairs, without))
    assert result.pop('depth/left_out') == 1
    assert expected.pop('depth/left_out') == 0
    assert result == expected
    with pytest.raises(ValueError, match='none of 1 pictures has a true depth between'):
        measured(DepthMetric(10.0), without[3:])


def test_only_scalars_are_kept() -> None:
    """Breaks when maps stay in memory until the end, as mmseg's metric has them."""
    metric = DepthMetric(10.0)
    metric.process({}, samples(pictures()))
    for picture in metric.results:
        assert picture.means.numel() == 9
        assert picture.means.untyped_storage().nbytes() == 9 * 8
        assert picture.means.device.type == 'cpu'


def test_maps_of_two_sizes_are_refused() -> None:
    """Breaks when a depth map is compared with a picture of another size."""
    ((predicted, true),) = pictures(1)
    with pytest.raises(ValueError, match=r'0\.png: 47 x 64 pixels .* true depth has 48 x 64'):
        measured(DepthMetric(10.0), [(predicted[1:], true)])


def test_a_config_reaches_it_by_its_name() -> None:
    """Breaks when no evaluator finds the metric under our scope."""
    cfg = dict(type='mim_secrets.DepthMetric', max_depth=80.0, crop='garg')
    assert isinstance(METRICS.build(cfg), DepthMetric)
    assert isinstance(Evaluator(cfg).metrics[0], DepthMetric)


@pytest.mark.parametrize(
    ('options', 'says'),
    [
        (dict(max_depth=10.0, crop='nyu_crop'), "crop is 'nyu_crop'; choose from 'nyu', 'eigen'"),
        (dict(max_depth=10.0, min_depth=0.0), 'depths from 0.0 to 10.0 m'),
        (dict(max_depth=math.inf), 'depths from 0.001 to inf m'),
    ],
)
def test_what_cannot_be_compared_is_refused(options: dict, says: str) -> None:
    """Breaks when a crop of another name compares whole pictures, or logarithms of zero."""
    with pytest.raises(ValueError, match=says):
        DepthMetric(**options)
