"""Pictures during training: the same images and masks, and no trace of them."""

import random
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from mim_secrets.visualization.reconstruction import GREY
from tests import tiny_run


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.write_images(tmp_path_factory.mktemp('data') / 'images')


def hook(images: Path, **overrides: object) -> dict:
    cfg = dict(type='ReconstructionHook', dataset=tiny_run.dataset(images), num_images=3)
    return {**cfg, **overrides}


@pytest.mark.slow
def test_pictures_reach_every_backend_with_the_same_images_and_mask(
    images: Path, tmp_path: Path
) -> None:
    """Breaks when an epoch or the last one is missed, a backend gets nothing, the
    mask or the images change between epochs, or all images are of one class."""
    run = tiny_run.runner(
        tmp_path,
        custom_hooks=[hook(images, interval=2)],
        **tiny_run.training(images, epochs=3),
    )
    run.train()
    folder = Path(run.log_dir) / 'vis_data'
    files = sorted((folder / 'vis_image').glob('*.png'))
    assert [file.name for file in files] == [
        'reconstruction_2.png',
        'reconstruction_3.png',
    ]
    second, third = (cv2.imread(str(file)) for file in files)
    assert not np.array_equal(second, third)  # the model has learnt in between
    width = second.shape[1] // 4
    np.testing.assert_array_equal(second[:, : 2 * width], third[:, : 2 * width])
    grey = [(picture == GREY).all(axis=2) for picture in (second, third)]
    np.testing.assert_array_equal(*grey)
    assert second[-128:, 6:134].mean() > 150 > 100 > second[30:140, 6:134].mean()
    events = EventAccumulator(str(folder)).Reload()
    assert [event.step for event in events.Images('reconstruction')] == [2, 3]


@pytest.mark.slow
def test_training_goes_on_as_without_pictures(images: Path, tmp_path: Path) -> None:
    """Breaks when a picture advances the stream of training masks or any global
    random state, or leaves the model in evaluation mode."""
    flipped = tiny_run.dataset(images, dict(type='RandomFlip', prob=0.5))
    drawing = hook(images, dataset=flipped, interval=1)
    states = []
    for name, hooks in (('drawn', [drawing]), ('plain', [])):
        run = tiny_run.runner(tmp_path / name, custom_hooks=hooks, **tiny_run.training(images))
        torch.manual_seed(0), np.random.seed(0), random.seed(0)
        run.train()
        assert run.model.training
        inputs = torch.zeros(2, 3, tiny_run.SIZE, tiny_run.SIZE)
        states.append({**run.model.state_dict(), 'mask': run.model.draw_mask(inputs)[1]})
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name
