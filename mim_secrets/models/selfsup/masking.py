"""Which patches the encoder sees and which it has to predict."""

import math
from typing import NamedTuple

import torch
from mmengine.model import BaseModule

from mim_secrets.registry import MODELS


class Mask(NamedTuple):
    """A partition of the patches of every image of a batch.

    Patches are numbered row by row. Every image has the same number of visible
    (V) and of masked (M) patches; together they are all N patches of the grid.
    """

    visible: torch.Tensor  # (B, V) int64
    masked: torch.Tensor  # (B, M) int64

    def binary(self) -> torch.Tensor:
        """(B, N) bool, true where a patch is masked."""
        batch, num_masked = self.masked.shape
        num_patches = self.visible.shape[1] + num_masked
        flags = self.masked.new_zeros(batch, num_patches, dtype=torch.bool)
        return flags.scatter_(1, self.masked, True)


@MODELS.register_module()
class RandomMasking(BaseModule):
    """Draw visible patches uniformly, for each image by itself.

    The draws come from a generator of their own, so that a mask depends on
    nothing but the seed and on how many masks were drawn since. Without
    ``reseed`` the seed is torch's, which differs between ranks when the run's
    ``randomness`` asks for it.
    """

    def __init__(self, ratio: float = 0.75) -> None:
        super().__init__()
        if not 0 < ratio < 1:
            raise ValueError(
                f'RandomMasking: ratio is {ratio}, but it must lie between 0 and 1, '
                'both excluded: some patches are seen and some are predicted.'
            )
        self.ratio = ratio
        self._seed: int | None = None
        self._generators: dict[torch.device, torch.Generator] = {}

    def reseed(self, seed: int) -> None:
        """Start the stream of masks again from ``seed``."""
        self._seed = seed
        self._generators.clear()

    def num_visible(self, num_patches: int) -> int:
        """How many of ``num_patches`` stay visible, rounded down as MAE does.

        The product is nudged before it is rounded, because in floating point
        10 * (1 - 0.9) falls just short of 1.
        """
        visible = math.floor(num_patches * (1 - self.ratio) + 1e-6)
        if visible == 0:
            raise ValueError(
                f'RandomMasking: a ratio of {self.ratio} leaves none of {num_patches} '
                'patches visible; lower the ratio, use larger images or smaller patches.'
            )
        return visible

    def forward(self, batch: int, num_patches: int, device: torch.device) -> Mask:
        noise = torch.rand(batch, num_patches, device=device, generator=self._generator(device))
        shuffled = noise.argsort(dim=1)
        visible = self.num_visible(num_patches)
        return Mask(shuffled[:, :visible], shuffled[:, visible:])

    def _generator(self, device: torch.device) -> torch.Generator:
        device = torch.device(device)
        if device not in self._generators:
            seed = torch.initial_seed() if self._seed is None else self._seed
            self._generators[device] = torch.Generator(device).manual_seed(seed)
        return self._generators[device]
