"""The secrets of a model while it trains, and no trace of having looked."""

import csv
from pathlib import Path

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests import tiny_run


@pytest.fixture(scope='module')
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_run.write_images(tmp_path_factory.mktemp('data') / 'images')


def hook(images: Path, **overrides: object) -> dict:
    return dict(type='SecretsHook', images=str(images), num_images=8) | overrides


@pytest.mark.slow
def test_layers_reach_every_backend_and_a_table(images: Path, tmp_path: Path) -> None:
    """Breaks when an epoch or the last one is missed, a backend gets nothing, the table
    lacks a layer or its interval, or training changes nothing in what is measured."""
    run = tiny_run.runner(
        tmp_path, custom_hooks=[hook(images, interval=2)], **tiny_run.training(images, epochs=3)
    )
    run.train()
    with (Path(run.log_dir) / 'secrets.csv').open() as file:
        rows = list(csv.DictReader(file))
    measured = [(row['epoch'], row['table'], row['layer']) for row in rows]
    tables = ('distance', 'distance_renormalised', 'distance_relative', 'entropy', 'kl')
    assert set(measured) == {(e, t, n) for e in '23' for t in tables for n in '012'}
    assert len(measured) == len(set(measured))
    assert all(float(row['low']) <= float(row['mean']) <= float(row['high']) for row in rows)
    entropies = [row['mean'] for row in rows if row['table'] == 'entropy']
    assert len(set(entropies)) == 6
    events = EventAccumulator(str(Path(run.log_dir) / 'vis_data')).Reload()
    scalars = events.Scalars('secrets/entropy/layer_02')
    assert [event.step for event in scalars] == [2, 3]
    told = [float(row['mean']) for row in rows if row['table'] == 'entropy' and row['layer'] == '2']
    assert [event.value for event in scalars] == pytest.approx(told)


@pytest.mark.slow
def test_training_goes_on_as_without_a_look(images: Path, tmp_path: Path) -> None:
    """Breaks when a look advances the stream of training masks or any global random
    state, leaves hooks behind or the model in evaluation mode."""
    states = []
    for name, hooks in dict(without=[], looking=[hook(images)]).items():
        run = tiny_run.runner(tmp_path / name, custom_hooks=hooks, **tiny_run.training(images))
        run.train()
        assert run.model.training
        assert not any(module._forward_hooks for module in run.model.modules())
        states.append(run.model.state_dict())
    for name, tensor in states[0].items():
        assert torch.equal(tensor, states[1][name]), name


def test_a_measure_that_does_not_exist(images: Path, tmp_path: Path) -> None:
    """Breaks when a misspelt measure is found out only after the first epoch."""
    with pytest.raises(ValueError, match="no measure 'entropie'; choose from distance, entropy"):
        tiny_run.runner(tmp_path, custom_hooks=[hook(images, measures=('entropie',))])
