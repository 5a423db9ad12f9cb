"""Which patches the encoder sees and which it has to predict."""

import math
from typing import NamedTuple

import torch
from mmengine.model import BaseModule

from mim_secrets.registry import MODELS

Grid = tuple[int, int]


class Mask(NamedTuple):
    """A partition of the patches of every image of a batch.

    Patches are numbered row by row. Every image has the same number of visible
    (V) and of masked (M) patches; together they are all N patches of the grid.
    """

    visible: torch.Tensor  # (B, V) int64
    masked: torch.Tensor  # (B, M) int64
    some: torch.Tensor | None = None  # (B, Q) of the masked ones, if not all are asked for

    @property
    def asked(self) -> torch.Tensor:
        """(B, Q) masked patches that have to be predicted, all of them by default."""
        return self.masked if self.some is None else self.some

    def binary(self) -> torch.Tensor:
        """(B, N) bool, true where a patch is masked."""
        batch, num_masked = self.masked.shape
        num_patches = self.visible.shape[1] + num_masked
        flags = self.masked.new_zeros(batch, num_patches, dtype=torch.bool)
        return flags.scatter_(1, self.masked, True)

    def to(self, device: torch.device) -> 'Mask':
        return Mask(*(ids if ids is None else ids.to(device) for ids in self))


@MODELS.register_module()
class RandomMasking(BaseModule):
    """Draw visible cells uniformly, for each image by itself.

    The draws come from a generator of their own, on the device of the images, so
    that a mask depends on nothing but the seed and on how many masks were drawn
    since. Without ``reseed`` the seed is torch's, which differs between ranks when
    the run's ``randomness`` asks for it.

    Args:
        ratio: Share of the cells that are masked, rounded up.
        unit: Side of a cell in patches (SimMIM masks squares of 2x2 patches of a
            ViT).
        asked_share: Share of the masked cells, rounded up, that have to be
            predicted. Less than 1 changes the method, as in CrossMAE, and saves
            decoding.
        masks_per_image: Masks drawn for each image, which the model then encodes as
            often. More than 1 changes the method: a step sees fewer images.
    """

    def __init__(
        self,
        ratio: float = 0.75,
        unit: int = 1,
        asked_share: float = 1.0,
        masks_per_image: int = 1,
    ) -> None:
        super().__init__()
        if not 0 < ratio < 1:
            raise ValueError(
                f'RandomMasking: ratio is {ratio}, but it must lie between 0 and 1, '
                'both excluded: some patches are seen and some are predicted.'
            )
        if not 0 < asked_share <= 1:
            raise ValueError(
                f'RandomMasking: asked_share is {asked_share}, but it must lie above 0 and '
                'at most at 1, which asks for every masked patch.'
            )
        self.ratio = ratio
        self.unit = unit
        self.asked_share = asked_share
        self.masks_per_image = masks_per_image
        self._seed: int | None = None
        self._generators: dict[torch.device, torch.Generator] = {}

    def reseed(self, seed: int) -> None:
        """Start the stream of masks again from ``seed``."""
        self._seed = seed
        self._generators.clear()

    def num_visible(self, num_cells: int) -> int:
        """How many of ``num_cells`` stay visible, rounded down as MAE does.

        The product is nudged before it is rounded, because in floating point
        10 * (1 - 0.9) falls just short of 1.
        """
        visible = math.floor(num_cells * (1 - self.ratio) + 1e-6)
        if visible == 0:
            raise ValueError(
                f'RandomMasking: a ratio of {self.ratio} leaves none of {num_cells} '
                'patches visible; lower the ratio, use larger images or smaller patches.'
            )
        return visible

    def forward(self, batch: int, grid: Grid, device: torch.device) -> Mask:
        """Masks for ``batch`` images of (rows, columns) patches.

        Those of one image follow each other.
        """
        cells = self._cells(grid)
        count = cells[0] * cells[1]
        noise = torch.rand(
            batch * self.masks_per_image, count, device=device, generator=self._generator(device)
        )
        shuffled = noise.argsort(dim=1)
        visible = self.num_visible(count)
        masked = shuffled[:, visible:]
        some = None
        if self.asked_share < 1:
            some = masked[:, : math.ceil(masked.shape[1] * self.asked_share - 1e-6)]
        parts = (shuffled[:, :visible], masked, some)
        return Mask(*(ids if ids is None else self._patches(ids, cells[1]) for ids in parts))

    def _cells(self, grid: Grid) -> Grid:
        if grid[0] % self.unit or grid[1] % self.unit:
            raise ValueError(
                f'RandomMasking: a grid of {grid[0]}x{grid[1]} patches does not divide into '
                f'cells of {self.unit}x{self.unit}; change unit or the size of the images.'
            )
        return grid[0] // self.unit, grid[1] // self.unit

    def _patches(self, cells: torch.Tensor, columns: int) -> torch.Tensor:
        """Cells (B, K) of a grid ``columns`` wide, to their patches (B, K * unit^2)."""
        unit = self.unit
        if unit == 1:
            return cells
        row, column = torch.div(cells, columns, rounding_mode='floor'), cells % columns
        place = torch.arange(unit, device=cells.device)
        rows = row[..., None, None] * unit + place[:, None]
        return (rows * columns * unit + column[..., None, None] * unit + place).flatten(1)

    def _generator(self, device: torch.device) -> torch.Generator:
        device = torch.device(device)
        if device not in self._generators:
            seed = torch.initial_seed() if self._seed is None else self._seed
            self._generators[device] = torch.Generator(device).manual_seed(seed)
        return self._generators[device]
