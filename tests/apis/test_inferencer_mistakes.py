"""What inferencers say to wrong weights, configs, libraries and calls."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mim_secrets.apis.inferencers import infer
from mim_secrets.checkpoint.reading import read_content
from tests.checkpoint.attacks import write_attack

pytestmark = pytest.mark.slow  # they build models and write files


@pytest.mark.parametrize('attack', ['plain', 'legacy', 'globals of an allowed method'])
def test_weights_are_no_program(tasks, photos: Path, tmp_path: Path, attack: str) -> None:
    """Breaks when mmengine's own reader is used, which may run what it reads."""
    config, weights = tasks['classification']
    file, loot = write_attack(attack, read_content(weights), tmp_path)
    with pytest.raises(ValueError, match='holds more than weights'):
        infer(config, file, photos / '1.png')
    assert not loot.exists()


def test_wrong_weights(tasks, photos: Path, tmp_path: Path) -> None:
    """Breaks when a model predicts with weights that are not its own."""
    config, weights = tasks['classification']
    image, content = photos / '1.png', torch.load(weights, weights_only=True)
    state = content['state_dict']
    encoder = {name: value for name, value in state.items() if 'head' not in name}
    torch.save(dict(state_dict=encoder), tmp_path / 'encoder.pth')
    with pytest.raises(ValueError, match=r'of this ImageClassifier: head\.fc\.weight is not there'):
        infer(config, tmp_path / 'encoder.pth', image)
    wider = dict(state, **{'head.fc.weight': torch.zeros(3, 64)})
    torch.save(dict(state_dict=wider), tmp_path / 'wider.pth')
    with pytest.raises(ValueError, match=r'head\.fc\.weight is 3x64 there and 3x32 here'):
        infer(config, tmp_path / 'wider.pth', image)
    with pytest.raises(ValueError, match='No weights are named'):
        infer(config, None, image)


def test_a_missing_library(tasks, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when somebody without a library is not told what to type."""
    monkeypatch.setitem(sys.modules, 'mmdet', None)
    with pytest.raises(ImportError, match=r'needs MMDetection.*pip install "mim_secrets\[down'):
        infer(*tasks['detection'], photos / '1.png')


def test_wrong_configs(tasks, photos: Path, tmp_path: Path) -> None:
    """Breaks when a config that is missing, is for pre-training, or says nothing of images
    ends in anything but a sentence."""
    weights = tasks['classification'].weights
    with pytest.raises(FileNotFoundError, match='no config at nowhere.py'):
        infer('nowhere.py', weights, photos)
    with pytest.raises(FileNotFoundError, match='There is no config in'):
        infer(tmp_path, weights, photos)
    with pytest.raises(ValueError, match=r"'mim_secrets'.*reconstruct\.py"):
        infer(dict(default_scope='mim_secrets'), weights, photos)


def test_wrong_calls(inferencers, photos: Path) -> None:
    """Breaks when a mistake in a call is not told in a sentence."""
    classify, pose = inferencers['classification'], inferencers['pose']
    image = photos / '1.png'
    for wrong, words in (
        (dict(bboxes=[[1, 2, 3]]), r'Boxes must be \(N, 4\)'),
        (dict(bboxes=[[10, 10, 5, 60]]), 'must be turned into that'),
        (dict(bboxes=[[[1, 1, 2, 2]], [[1, 1, 2, 2]]]), 'for 2 images, but 1 images'),
        (dict(batch_size=0), 'batch_size is 0'),
        (dict(nonsense=1), 'unknown argument'),
    ):
        with pytest.raises(ValueError, match=words):
            pose(image, **wrong)
    with pytest.raises(TypeError, match=r'float64 \(4, 4, 3\) is no image'):
        classify(np.zeros((4, 4, 3)))
