"""Scores of trackers against closed forms and against loops over frames."""

import math

import numpy as np
import pytest
from mmengine.evaluator import Evaluator

from mim_secrets.datasets.tracking import Sequence
from mim_secrets.evaluation import GOT10kMetric, OPEMetric
from mim_secrets.evaluation.tracking_curves import (
    by_attribute,
    got10k_overlaps,
    got10k_scores,
    ope_curves,
    ope_scores,
)
from mim_secrets.registry import METRICS
from tests.evaluation.tracking_cases import SIZE, clip, random_case

BOX = [10, 10, 8, 8]


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    height = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (a[2] * a[3] + b[2] * b[3] - width * height)


def ope_by_loops(tracked: np.ndarray, case: Sequence) -> dict[str, float]:
    """From the definitions, a frame and a threshold at a time."""
    frames = len(case.frames)
    success, precision, norm = [0] * 21, [0] * 51, [0] * 51
    present = 0
    for index in range(frames):
        a, b = tracked[index] if index else case.boxes[0], case.boxes[index]
        if not case.visible[index] or b[2] <= 0 or b[3] <= 0:
            continue
        present += 1
        x = a[0] + a[2] / 2 - b[0] - b[2] / 2
        y = a[1] + a[3] / 2 - b[1] - b[3] / 2
        for k in range(21):
            success[k] += overlap(a, b) > k / 20
        for k in range(51):
            precision[k] += math.sqrt(x * x + y * y) <= k
            norm[k] += math.sqrt((x / b[2]) ** 2 + (y / b[3]) ** 2) <= k / 100
    return {
        'success_auc': 100 * sum(success) / 21 / frames,
        'precision_at_20px': 100 * precision[20] / frames,
        'norm_precision_at_0.2': 100 * norm[20] / frames,
        'norm_precision_auc_0_to_0.5': 100 * sum(norm) / 51 / frames,
        'target_present': 100 * present / frames,
    }


def got10k_by_loops(cases: list[tuple[np.ndarray, Sequence]]) -> dict[str, float]:
    """Boxes lie within the frame, so that fitting them in changes nothing."""
    values = []
    for tracked, case in cases:
        for index in range(1, len(case.frames)):
            if case.cover[index] > 0:
                values.append(overlap(tracked[index], case.boxes[index]))
    return {
        'AO': 100 * sum(values) / len(values),
        'SR0.5': 100 * sum(value > 0.5 for value in values) / len(values),
        'SR0.75': 100 * sum(value > 0.75 for value in values) / len(values),
    }


def scored(
    metric: object, cases: list[tuple[np.ndarray, Sequence]], size: tuple[int, int] = SIZE
) -> dict[str, float]:
    evaluator = Evaluator(metric)
    for tracked, case in cases:
        evaluator.process([dict(sequence=case, boxes=tracked, size=size)])
    return evaluator.evaluate(len(cases))


def test_one_pass_evaluation_agrees_with_loops() -> None:
    """Breaks when hidden frames count as right or leave the denominator, when a comparison
    turns from > to >=, or when long sequences weigh more than short ones."""
    cases = [random_case(0), random_case(1, frames=90)]
    expected = [ope_by_loops(*case) for case in cases]
    scores = scored(OPEMetric(), cases)
    assert scores.pop('ope/sequences') == 2
    for name, value in scores.items():
        key = name.removeprefix('ope/')
        assert value == pytest.approx(np.mean([each[key] for each in expected])), name
    assert len(scores) == len(expected[0])


def test_got10k_agrees_with_loops() -> None:
    """Breaks when the first frame counts, when frames without cover do, or when sequences
    are averaged before they are put together."""
    cases = [random_case(2), random_case(3, frames=90)]
    scores = scored(GOT10kMetric(), cases, size=(1000, 1000))
    expected = {f'got10k/{name}': value for name, value in got10k_by_loops(cases).items()}
    assert scores == pytest.approx({**expected, 'got10k/sequences': 2})


def test_the_true_boxes_reach_what_is_reachable() -> None:
    """Breaks when a perfect tracker gets 100 (an overlap of 1 is not above 1), or more than
    the frames that have a target."""
    case = clip([BOX] * 10, hidden=[4, 5])
    scores = ope_scores(ope_curves(case.boxes, case))
    assert scores['success_auc'] == pytest.approx(100 * 0.8 * 20 / 21)
    for name in list(scores)[1:]:
        assert scores[name] == pytest.approx(80), name


def test_a_box_that_never_moves() -> None:
    """Breaks when an overlap at a threshold counts as above it: the closed form is that of
    a thing 8 pixels wide that moves by one pixel a frame."""
    frames = 9
    case = clip([[10 + i, 10, 8, 8] for i in range(frames)])
    still = np.array([BOX] * frames, dtype=float)
    shares = [(8 - i) / (8 + i) for i in range(frames)]
    passed = sum(sum(share > k / 20 for k in range(21)) for share in shares)
    scores = ope_scores(ope_curves(still, case))
    assert scores['success_auc'] == pytest.approx(100 * passed / 21 / frames)
    assert scores['precision_at_20px'] == 100
    assert scores['norm_precision_at_0.2'] == pytest.approx(100 * 2 / 9)  # moved by 0 and 1 of 8
    # 0 passes 51 thresholds; 1/8 those from 0.13, 2/8 those from 0.25, 3/8 and 4/8 likewise
    assert scores['norm_precision_auc_0_to_0.5'] == pytest.approx(
        100 * (51 + 38 + 26 + 13 + 1) / 51 / frames
    )


def test_a_half_overlap_is_no_success_at_a_half() -> None:
    """Breaks when SR0.5 counts overlaps of exactly 0.5."""
    case = clip([BOX] * 3, cover=[1, 1, 1])
    half = np.array([BOX, [10, 10, 4, 8], [10, 10, 5, 8]], dtype=float)
    scores = got10k_scores([got10k_overlaps(half, case, SIZE)])
    assert scores == pytest.approx({'AO': 56.25, 'SR0.5': 50, 'SR0.75': 0})


def test_what_leaves_the_frame_is_cut_before_overlaps_are_taken() -> None:
    """Breaks when GOT-10k's boxes are compared outside the frame: the true box ends at the
    right border, which is where the tracked one, twice as wide, is cut."""
    true, wide = [56, 10, 8, 8], [56, 10, 16, 8]
    case = clip([true] * 2, cover=[1, 1])
    # the toolkit counts pixels from 1 and allows them up to the width: one column is lost
    values = got10k_overlaps(np.array([wide] * 2, dtype=float), case, SIZE).values
    assert values.tolist() == [1.0]


def test_the_first_frame_is_given_and_no_achievement() -> None:
    """Breaks when a wrong first row costs precision, or when GOT-10k counts it."""
    case = clip([BOX] * 2, cover=[1, 1])
    tracked = np.array([[40, 30, 2, 2], BOX], dtype=float)
    assert ope_curves(tracked, case).precision[0] == 1
    assert got10k_overlaps(tracked, case, SIZE).values.tolist() == [1]


def test_results_with_too_few_rows_are_refused_and_with_too_many_cut() -> None:
    """Breaks when boxes are scored against other frames than their own."""
    case = clip([BOX] * 3)
    assert ope_curves(np.array([BOX] * 5, dtype=float), case).precision[0] == 1
    with pytest.raises(ValueError, match=r'cup-1: the result is 2 x 4 numbers .* 3 frames'):
        ope_curves(np.array([BOX] * 2, dtype=float), case)


def test_splits_without_truth_are_not_scored(caplog: pytest.LogCaptureFixture) -> None:
    """Breaks when one given box is compared with a whole sequence, or a test without truth
    ends in an error."""
    case = clip([BOX], frames=['1.jpg', '2.jpg'])
    for metric in (OPEMetric(), GOT10kMetric()):
        assert scored(metric, [(np.array([BOX, BOX]), case)]) == {}


def test_sequences_are_grouped_by_each_of_their_attributes() -> None:
    """Breaks when a sequence with two attributes counts for one."""
    boxes = np.array([BOX], dtype=float)
    both, one = (
        ope_curves(boxes, clip([BOX], name=name, attributes=attributes))
        for name, attributes in (('cup-1', ('rotation', 'deformation')), ('cup-2', ('rotation',)))
    )
    groups = by_attribute([both, one])
    assert {name: [each.name for each in group] for name, group in groups.items()} == {
        'deformation': ['cup-1'],
        'rotation': ['cup-1', 'cup-2'],
    }


def test_metrics_are_built_by_name() -> None:
    """Breaks when a config cannot name them."""
    for name, kind in (('OPEMetric', OPEMetric), ('GOT10kMetric', GOT10kMetric)):
        assert isinstance(METRICS.build(dict(type=f'mim_secrets.{name}')), kind)
