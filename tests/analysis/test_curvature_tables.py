"""The curvature of whatever loss a subject has, as tables."""

from pathlib import Path

import numpy as np
import pytest
import torch
from mmpretrain.models import ImageClassifier

from mim_secrets.analysis import curvature
from mim_secrets.analysis.curvature import curvature_tables, loss_of
from mim_secrets.analysis.measures.curvature import measure_curvature
from mim_secrets.analysis.pictures import Pictures
from mim_secrets.analysis.sources import subject_of
from tests.analysis.small import SIZE, small_subject, write_noise
from tests.models.small import ARCH, small_model

PREPROCESSOR = dict(mean=[127.5] * 3, std=[127.5] * 3, to_rgb=True)


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pictures:
    monkeypatch.setattr(curvature, 'NUM_IMAGES', 4)
    return Pictures(str(write_noise(tmp_path / 'images', 8)), 8, {SIZE})


def classifier(classes: int) -> ImageClassifier:
    backbone = dict(type='mim_secrets.ViT', arch=ARCH, img_size=SIZE, patch_size=8)
    head = dict(type='VisionTransformerClsHead', num_classes=classes, in_channels=48)
    return ImageClassifier(backbone=backbone, head=head, data_preprocessor=dict(PREPROCESSOR))


def test_each_model_has_the_loss_it_was_trained_with(pictures: Pictures) -> None:
    """Breaks when a pre-trained model is asked for classes, when a classifier of other
    classes than the folders is, or when a bare encoder has a loss."""
    pretrained = subject_of('mff', small_model(data_preprocessor=PREPROCESSOR))
    found = loss_of(pretrained, pictures)
    assert (found.name, found.images) == ('pre-training', 4)
    assert loss_of(subject_of('two', classifier(2)), pictures).name == 'classification'
    assert loss_of(subject_of('three', classifier(3)), pictures) is None
    assert loss_of(small_subject(), pictures) is None
    assert curvature_tables(small_subject(), pictures) == {}


@pytest.mark.slow
def test_tables_hold_what_was_measured(pictures: Pictures) -> None:
    """Breaks when the lowest eigenvalue is taken for one of the highest, or a number
    comes under another interval."""
    torch.manual_seed(0)
    subject = subject_of('mff', small_model(data_preprocessor=PREPROCESSOR))
    told = []
    tables = curvature_tables(subject, pictures, lambda *counts: told.append(counts))
    expected = measure_curvature(loss_of(subject, pictures))
    assert told[-1][0] == told[-1][1]
    ends = tables['curvature']
    assert ends.index['number'].tolist() == [0, 1, 2, 3, 4, -1]
    for numbers, highest, lowest in zip(ends.values, expected.highest, expected.lowest):
        np.testing.assert_allclose(numbers, [*highest, lowest], rtol=1e-5)
    density = tables['curvature_density']
    np.testing.assert_allclose(density.values.mean, expected.density.values.mean, rtol=1e-4)
    assert np.trapezoid(density.values.mean, density.index['eigenvalue']) == pytest.approx(1, 1e-2)
