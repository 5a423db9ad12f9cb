"""Random augmentation that depends on the sample and the epoch, on nothing else."""

import random

import numpy as np
import torch
from mmcv.transforms import BaseTransform

from mim_secrets.registry import TRANSFORMS


@TRANSFORMS.register_module()
class SeedSample(BaseTransform):
    """Seed the generators that the following transforms draw from.

    Symptom: a resumed run sees other crops than the run it continues, because
    the generators of loader workers start again from the same state. Put first
    in a pipeline, this makes the crop of image i in epoch e the same whichever
    worker loads it and whatever was loaded before.

    ``ResumableRandomnessHook`` sets seed and epoch; they live in shared memory,
    so that workers which outlive an epoch see the next one.
    """

    def __init__(self) -> None:
        self._seed_and_epoch = torch.zeros(2, dtype=torch.int64).share_memory_()

    def start_epoch(self, seed: int, epoch: int) -> None:
        self._seed_and_epoch.copy_(torch.tensor([seed, epoch]))

    def transform(self, results: dict) -> dict:
        entropy = [*self._seed_and_epoch.tolist(), results['sample_idx']]
        seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
        random.seed(seed)
        np.random.seed(seed)
        # not torch.manual_seed, which in a worker without devices queues a call with
        # its stack for each of them: slower than decoding the image, and never freed
        torch.default_generator.manual_seed(seed)
        return results
