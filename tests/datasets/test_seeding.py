"""Augmentation that depends on seed, epoch and sample, and on nothing else."""

import random

import numpy as np
import pytest
import torch
from mmengine.dataset import BaseDataset, ConcatDataset, RepeatDataset
from torch.utils.data import DataLoader

from mim_secrets.datasets.transforms.seeding import SeedSample
from mim_secrets.engine.hooks.randomness import seeders
from mim_secrets.registry import TRANSFORMS


@TRANSFORMS.register_module()
class DrawNumbers:
    """A transform that draws from every generator that transforms use."""

    def __call__(self, results: dict) -> list[float]:
        return [random.random(), np.random.rand(), torch.rand(()).item()]


class Numbers(BaseDataset):
    def load_data_list(self) -> list[dict]:
        return [{} for _ in range(8)]


def dataset() -> Numbers:
    return Numbers(
        pipeline=[dict(type='mim_secrets.SeedSample'), dict(type='mim_secrets.DrawNumbers')]
    )


def draw(numbers: Numbers, seed: int, epoch: int, workers: int = 0) -> list:
    for seeder in seeders(numbers):
        seeder.start_epoch(seed, epoch)
    return list(DataLoader(numbers, batch_size=None, num_workers=workers))


@pytest.mark.parametrize('workers', [1, 2])
def test_workers_change_nothing(workers: int) -> None:
    """Breaks when crops depend on who loads an image or on what was loaded before."""
    numbers = dataset()
    assert draw(numbers, 0, 3, workers) == draw(numbers, 0, 3)
    assert draw(numbers, 0, 3)[::-1] == [numbers[i] for i in reversed(range(8))]


def test_samples_epochs_and_seeds_differ() -> None:
    """Breaks when every epoch, or every image, gets the same crop."""
    numbers = dataset()
    drawn = [draw(numbers, seed, epoch) for seed, epoch in ((0, 0), (0, 1), (1, 0))]
    flat = [number for run in drawn for sample in run for number in sample]
    assert len(set(flat)) == len(flat) == 3 * 8 * 3


@pytest.mark.slow
def test_workers_that_live_on_see_the_next_epoch() -> None:
    """Breaks when persistent workers keep the epoch they were started in."""
    numbers = dataset()
    loader = DataLoader(numbers, batch_size=None, num_workers=1, persistent_workers=True)
    (seeder,) = seeders(numbers)
    seeder.start_epoch(0, 0)
    first = list(loader)
    seeder.start_epoch(0, 1)
    assert list(loader) == draw(dataset(), 0, 1) != first


@pytest.mark.slow
def test_seeders_are_found_in_wrapped_data_sets() -> None:
    """Breaks when a repeated or concatenated data set keeps its first crops."""
    for wrapped, number in (
        (RepeatDataset(dataset(), times=2), 1),
        (ConcatDataset([dataset(), dataset()]), 2),
    ):
        found = list(seeders(wrapped))
        assert len(found) == number
        assert all(isinstance(seeder, SeedSample) for seeder in found)
