"""Randomness that a resumed run finds again."""

import random
from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mim_secrets.datasets.transforms.seeding import SeedSample
from mim_secrets.registry import HOOKS


@HOOKS.register_module()
class ResumableRandomnessHook(Hook):
    """Derive all randomness of an epoch from the run's seed and the epoch.

    Symptom: a run that was resumed at the end of an epoch ends with other
    weights than one that never stopped, since mmengine's checkpoints hold no
    state of any random generator. With this hook they need not: at the start of
    every epoch the generators of Python, NumPy and torch, the mask stream of the
    model and the ``SeedSample`` transforms of the data set start from
    (seed, rank, epoch).
    """

    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner: Runner) -> None:
        seeds = self._seeds(runner)
        self._start_generators(seeds)
        for module in runner.model.modules():
            if hasattr(module, 'reseed'):
                module.reseed(seeds[3])
        for seeder in seeders(runner.train_dataloader.dataset):
            seeder.start_epoch(runner.seed, runner.epoch)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        # a resumed run has just made the loader's iterator, which draws a number;
        # where workers persist, a run that never stopped has kept its own
        if batch_idx == 0:
            self._start_generators(self._seeds(runner))

    def _seeds(self, runner: Runner) -> list[int]:
        entropy = np.random.SeedSequence([runner.seed, get_rank(), runner.epoch])
        return [int(word) for word in entropy.generate_state(4)]

    def _start_generators(self, seeds: list[int]) -> None:
        random.seed(seeds[0])
        np.random.seed(seeds[1])
        torch.manual_seed(seeds[2])


def seeders(dataset: object) -> Iterator[SeedSample]:
    """Every ``SeedSample`` in the pipelines of a data set, wrapped or not."""
    pipeline = getattr(dataset, 'pipeline', None)
    for transform in getattr(pipeline, 'transforms', []):
        if isinstance(transform, SeedSample):
            yield transform
    for inner in [getattr(dataset, 'dataset', None), *getattr(dataset, 'datasets', [])]:
        if inner is not None:
            yield from seeders(inner)
