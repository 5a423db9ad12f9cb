"""Accuracy among some of the classes."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from mim_secrets.evaluation import SubsetAccuracy


def evaluate(scores: np.ndarray, labels: np.ndarray, subset: tuple[int, ...] | None) -> float:
    evaluator = Evaluator(SubsetAccuracy())
    evaluator.dataset_meta = dict(labels=subset)
    samples = [
        DataSample().set_gt_label(int(label)).set_pred_score(torch.from_numpy(row))
        for row, label in zip(scores, labels)
    ]
    evaluator.process(samples)
    return evaluator.evaluate(len(samples))['accuracy/top1']


def test_no_class_outside_the_subset_can_win() -> None:
    """Breaks when the other 800 classes take votes, or numbers within the subset are
    taken for numbers among all."""
    rng = np.random.default_rng(0)
    scores, subset = rng.random((200, 12)), (1, 4, 5, 11)
    labels = rng.choice(subset, 200)
    hidden = np.full_like(scores, -1)
    hidden[:, subset] = scores[:, subset]
    expected = 100 * (hidden.argmax(axis=1) == labels).mean()
    assert 15 < expected < 35
    assert evaluate(scores, labels, subset) == pytest.approx(expected)
    assert (scores.argmax(axis=1) == labels).mean() * 100 < expected / 2


def test_a_data_set_or_classifier_that_does_not_fit_is_told() -> None:
    """Breaks when the metric falls back on all classes, or ends in an index error."""
    scores, labels = np.ones((2, 3)), np.zeros(2)
    with pytest.raises(ValueError, match='does not say which classes .*ImageNetVariant'):
        evaluate(scores, labels, None)
    with pytest.raises(ValueError, match='knows 3 classes, but the data has class number 7'):
        evaluate(scores, labels, (0, 7))
