"""Features of single images that are kept, and intervals from leaving images out.

For what is known of many images together only: how many directions their features
take, or how alike two layers are without a correction for the number of images. The
bootstrap counts images twice, which looks like fewer directions and like more
likeness, so its intervals would lie beside the truth. Leaving a tenth out each time
does neither (the jackknife; Efron and Stein, Annals of Statistics 1981).
"""

import numpy as np
import torch

from mim_secrets.analysis.statistics import Estimate

BLOCKS = 10
# 97.5 % of Student's t with BLOCKS - 1 degrees of freedom lie below it
STUDENT = 2.262


class Kept:
    """Features (n, D) by name, each image's with its number."""

    def __init__(self) -> None:
        self._parts: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def add(self, name: str, numbers: np.ndarray, values: torch.Tensor) -> None:
        """Keep features (b, D) of images with ``numbers`` (b,)."""
        values = values.detach().cpu().float().numpy()
        self._parts.setdefault(name, []).append((np.asarray(numbers), values))

    def of(self, name: str) -> tuple[np.ndarray, torch.Tensor]:
        """Numbers (n,) in order, and the features (n, D) of those images."""
        numbers, values = (np.concatenate(part) for part in zip(*self._parts[name]))
        order = np.argsort(numbers)
        return numbers[order], torch.from_numpy(values[order])

    def count(self, name: str) -> int:
        """Images."""
        return sum(len(numbers) for numbers, _ in self._parts[name])

    @property
    def size(self) -> int:
        """Bytes."""
        return sum(values.nbytes for parts in self._parts.values() for _, values in parts)

    def state(self) -> dict[str, np.ndarray]:
        """Everything, as arrays ``name/numbers`` and ``name/features``."""
        state = {}
        for name in self._parts:
            numbers, values = self.of(name)
            state.update({f'{name}/numbers': numbers, f'{name}/features': values.numpy()})
        return state

    def add_state(self, state: dict[str, np.ndarray]) -> None:
        """Keep what ``state`` has of other images as well."""
        for key, values in state.items():
            name, part = key.rsplit('/', 1)
            if part == 'features':
                self.add(name, state[f'{name}/numbers'], torch.from_numpy(values))


def jackknife(whole: np.ndarray, without: np.ndarray) -> Estimate:
    """An interval for a statistic (...) of all images.

    Args:
        without: (BLOCKS, ...) the statistic without the images whose number modulo
            ``BLOCKS`` is 0, 1, ...; NaN gives an interval of NaN.
    """
    spread = without - without.mean(axis=0)
    error = np.sqrt((BLOCKS - 1) / BLOCKS * (spread**2).sum(axis=0))
    return Estimate(whole, whole - STUDENT * error, whole + STUDENT * error)


def left_out(numbers: np.ndarray) -> list[np.ndarray]:
    """For each block, which images (n,) are not in it; none if a block is empty."""
    blocks = numbers % BLOCKS
    if len(np.unique(blocks)) < BLOCKS:
        return []
    return [blocks != block for block in range(BLOCKS)]
