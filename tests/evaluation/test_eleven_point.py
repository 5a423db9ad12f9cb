"""The metrics of the Kornblith sets, against NumPy that follows their definitions."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.registry import DefaultScope
from mmpretrain.structures import DataSample

from mim_secrets.evaluation import ElevenPointPrecision
from tests.config_models import read


def by_definition(scores: np.ndarray, targets: np.ndarray) -> float:
    """VOC 2007's development kit, in its own steps: recall and precision after each
    image, then the best precision at recall 0, 0.1, ..., 1 or more."""
    scores, targets = scores[targets >= 0], targets[targets >= 0]
    right = targets[np.argsort(-scores, kind='stable')]
    hits = 0
    recall, precision = [], []
    for rank, target in enumerate(right, start=1):
        hits += target
        recall.append(round(hits / right.sum(), 12))
        precision.append(hits / rank)
    total = 0.0
    for tenth in range(11):
        reached = [p for r, p in zip(recall, precision) if r >= round(tenth / 10, 12)]
        total += max(reached, default=0.0)
    return 100 * total / 11


def samples(scores: np.ndarray, targets: np.ndarray) -> list[DataSample]:
    """As an evaluator gets them from mmpretrain's head and data set."""
    found = []
    for score, target in zip(scores, targets):
        sample = DataSample().set_pred_score(score).set_gt_label(np.flatnonzero(target == 1))
        sample.set_gt_score((target == 1).astype(float))
        difficult = np.flatnonzero(target < 0).tolist()
        sample.set_field(difficult, 'gt_label_difficult', field_type='metainfo')
        found.append(sample)
    return found


def evaluated(metric: dict, found: list[DataSample]) -> dict[str, float]:
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        evaluator = Evaluator([dict(metric)])
    half = len(found) // 2
    for part in (found[:half], found[half:]):
        evaluator.process(data_samples=part)
    return evaluator.evaluate(len(found))


@pytest.mark.parametrize('seed', range(8))
def test_it_is_the_measure_of_the_development_kit(seed: int) -> None:
    """Breaks when recall is compared as fractions, precision is not the best one beyond,
    difficult images count, or equal scores are sorted by class."""
    random = np.random.default_rng(seed)
    count = (10, 40, 333)[seed % 3]
    scores = random.integers(0, 20, (count, 4)) / 20 if seed % 2 else random.random((count, 4))
    targets = random.choice([-1, 0, 1], p=[0.1, 0.6, 0.3], size=(count, 4))
    targets[0], targets[1] = 1, 0
    expected = np.mean([by_definition(*column) for column in zip(scores.T, targets.T)])
    metric = read('dark_secrets/benchmarks/vit-base-p16_8xb64-coslr-100e_voc2007.py').test_evaluator
    found = evaluated(metric, samples(scores, targets))
    assert found == {'eleven-point/mAP': pytest.approx(expected, abs=1e-9)}


def test_one_worked_by_hand() -> None:
    """Breaks when the curve is made otherwise: of 3 positives the first two come first
    and the third last, so that recalls up to 0.6 have precision 1 and the rest 3/5."""
    scores = torch.tensor([0.9, 0.8, 0.7, 0.6, 0.5])
    targets = torch.tensor([1, 1, 0, 0, 1])
    found = ElevenPointPrecision.calculate(scores[:, None], targets[:, None])
    assert found.item() == pytest.approx(100 * (7 + 4 * 3 / 5) / 11)


def test_it_is_not_the_area_of_later_years() -> None:
    """Breaks when somebody takes mmpretrain's own metric for it, because it is as good:
    on three positives among ten they differ by more than a point."""
    metric = dict(type='VOCAveragePrecision')
    scores = np.linspace(1, 0, 10)[:, None]
    targets = np.array([1, 0, 0, 1, 0, 0, 0, 0, 1, 0])[:, None]
    area = evaluated(metric, samples(scores, targets))['multi-label/mAP']
    points = by_definition(scores[:, 0], targets[:, 0])
    assert points - area > 1


def test_a_class_without_images_is_left_out() -> None:
    """Breaks when a class that no image shows makes the mean zero or not a number, as it
    does in a part of the set."""
    scores = torch.tensor([[0.9, 0.1], [0.2, 0.8]])
    targets = torch.tensor([[1, 0], [0, -1]])
    assert ElevenPointPrecision.calculate(scores, targets).item() == 100
    each = ElevenPointPrecision.calculate(scores, targets, average=None)
    assert each[0] == 100 and each[1].isnan()


@pytest.mark.parametrize('key', ['aircraft', 'caltech101', 'flowers', 'pets'])
def test_recall_is_the_mean_accuracy_of_classes(key: str) -> None:
    """Breaks when a set whose classes differ in size is measured by the accuracy of its
    images, or when mmpretrain averages otherwise than over classes."""
    cfg = read(f'dark_secrets/benchmarks/vit-base-p16_8xb64-coslr-100e_{key}.py')
    classes = cfg.model.head.num_classes
    random = np.random.default_rng(0)
    labels = np.sort(np.append(np.arange(classes), random.integers(0, 5, 400)))
    scores = random.random((len(labels), classes))
    scores[np.arange(len(labels)), labels] += 0.5
    right = scores.argmax(1) == labels
    expected = 100 * np.mean([right[labels == each].mean() for each in range(classes)])
    found = [
        DataSample().set_pred_score(score).set_gt_label(int(label))
        for score, label in zip(scores, labels)
    ]
    assert abs(expected - 100 * right.mean()) > 0.5
    metrics = evaluated(cfg.test_evaluator, found)
    assert metrics == {'single-label/recall': pytest.approx(expected, abs=1e-3)}
