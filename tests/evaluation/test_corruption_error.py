"""The mean corruption error, by hand."""

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.structures import DataSample

from mim_secrets.datasets.robustness import CORRUPTIONS, SEVERITIES
from mim_secrets.evaluation import CorruptionError
from mim_secrets.evaluation.alexnet_errors import ALEXNET_ERRORS

# of AlexNet, by corruption and severity, as its authors published them
PUBLISHED = np.array([
    [0.69528, 0.82542, 0.93554, 0.98138, 0.99452],
    [0.71224, 0.85108, 0.93574, 0.98182, 0.99146],
    [0.78374, 0.89808, 0.94870, 0.98720, 0.99548],
    [0.65624, 0.73202, 0.85036, 0.91364, 0.94714],
    [0.64308, 0.75054, 0.88806, 0.91622, 0.93344],
    [0.58430, 0.70048, 0.82108, 0.89750, 0.92638],
    [0.70008, 0.76992, 0.80784, 0.84198, 0.87198],
    [0.71726, 0.88392, 0.86468, 0.91870, 0.94952],
    [0.61390, 0.79734, 0.88790, 0.89942, 0.93430],
    [0.67474, 0.76050, 0.84378, 0.87260, 0.94500],
    [0.45140, 0.48502, 0.54048, 0.62166, 0.72440],
    [0.64548, 0.76150, 0.88874, 0.97760, 0.99270],
    [0.52596, 0.70116, 0.55686, 0.64076, 0.80554],
    [0.52218, 0.54620, 0.73728, 0.87092, 0.91262],
    [0.51002, 0.54718, 0.57294, 0.65458, 0.74778],
])  # fmt: skip


def samples(wrong: np.ndarray, seen: np.ndarray) -> list[DataSample]:
    """Scores for three classes, of which ``wrong`` of ``seen`` (15, 5) miss the label."""
    made = []
    for row, corruption in enumerate(CORRUPTIONS):
        for column, severity in enumerate(SEVERITIES):
            for number in range(seen[row, column]):
                label = number % 3
                guess = (label + (number < wrong[row, column])) % 3
                sample = DataSample(metainfo=dict(corruption=corruption, severity=severity))
                sample.set_gt_label(label).set_pred_score(torch.eye(3)[guess] * 0.4 + 0.2)
                made.append(sample)
    return made


def evaluate(made: list[DataSample]) -> dict:
    evaluator = Evaluator(CorruptionError())
    half = len(made) // 2
    evaluator.process(made[:half])
    evaluator.process(made[half:])
    return evaluator.evaluate(len(made))


def test_alexnet_is_what_was_published() -> None:
    """Breaks when a figure is mistyped, or stands beside another corruption."""
    assert tuple(ALEXNET_ERRORS) == CORRUPTIONS
    np.testing.assert_allclose(list(ALEXNET_ERRORS.values()), 100 * PUBLISHED.mean(1), atol=1e-9)


def test_mce_is_its_definition() -> None:
    """Breaks when severities weigh by their images, errors are summed before they are
    divided by AlexNet's, or a corruption is divided by another's."""
    rng = np.random.default_rng(0)
    seen = rng.integers(1, 6, (15, 5))
    wrong = rng.integers(0, seen + 1)
    metrics = evaluate(samples(wrong, seen))
    errors = (wrong / seen).mean(axis=1)
    relative = errors / PUBLISHED.mean(axis=1)
    assert metrics['imagenet_c/mCE'] == pytest.approx(100 * relative.mean())
    assert metrics['imagenet_c/mean_error'] == pytest.approx(100 * errors.mean())
    for name, error, ratio in zip(CORRUPTIONS, errors, relative):
        assert metrics[f'imagenet_c/error/{name}'] == pytest.approx(100 * error)
        assert metrics[f'imagenet_c/CE/{name}'] == pytest.approx(100 * ratio)
    assert len(metrics) == 32


def test_without_a_corruption_there_is_no_mce() -> None:
    """Breaks when a mean over what is there passes for the mCE."""
    seen = np.full((15, 5), 2)
    seen[3] = 0
    seen[9, 4] = 0  # fog without its strongest severity
    metrics = evaluate(samples(np.ones((15, 5)), seen))
    assert metrics['imagenet_c/absent'] == ['defocus_blur', 'fog']
    assert {'imagenet_c/mCE', 'imagenet_c/mean_error'}.isdisjoint(metrics)
    assert 'imagenet_c/CE/fog' not in metrics
    assert metrics['imagenet_c/error/snow'] == 50


def test_an_image_must_say_how_it_is_spoilt() -> None:
    """Breaks when a pipeline that forgets the corruption ends in a KeyError."""
    plain = DataSample().set_gt_label(0).set_pred_score(torch.ones(3))
    with pytest.raises(ValueError, match=r"PackInputs with meta_keys=\('corruption', 'severity'"):
        Evaluator(CorruptionError()).process([plain])
