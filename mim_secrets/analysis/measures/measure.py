"""What all measures are: pure functions behind, and sums that grow with no image."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from mim_secrets.analysis.adapters.protocol import Tokens
from mim_secrets.analysis.attention import Maps
from mim_secrets.analysis.statistics import Sums, copies
from mim_secrets.analysis.subject import Subject
from mim_secrets.analysis.tables import Table

# What a measure can ask to see, beside the parts of a layer.
MAPS, IMAGES = 'maps', 'images'


@dataclass(frozen=True)
class Group:
    """Images that are looked at together; which ones does not depend on anything else.

    Attributes:
        number: Of the group.
        images: (n,) numbers of its images.
    """

    number: int
    images: np.ndarray

    @cached_property
    def copies(self) -> np.ndarray:
        """(1 + R, n) how often each image counts, see ``statistics.copies``."""
        return copies(self.images)


class Measure:
    """Something that is measured of every subject, group of images by group.

    A group comes in one batch or in several: ``begin_group`` once, ``see_*`` while they
    pass a subject, ``end_group`` once. State is kept in ``self.sums`` alone, so that it
    can be stored and that of several processes added.

    Args:
        subjects: All models that are looked at, by name.
    """

    name: str
    wants: frozenset[str]
    # Tables whose intervals say when enough images were seen: those of quantities that
    # have a natural zero, so that an interval can be a share of them.
    watched: tuple[str, ...] = ()

    def __init__(self, subjects: dict[str, Subject]) -> None:
        self.subjects = subjects
        self.sums: dict[str, Sums] = {}

    def begin_group(self, group: Group) -> None:
        """All subjects are about to see the group."""

    def see_maps(self, subject: str, layer: int, maps: Maps) -> None:
        """Attention of the next images of the batch (wants ``maps``)."""

    def see_tokens(self, subject: str, layer: int, part: str, tokens: Tokens) -> None:
        """Output of a part of a layer for a batch (wants ``block``, ...)."""

    def see_images(self, subject: str, images: torch.Tensor, numbers: np.ndarray) -> None:
        """A batch (B, 3, H, W) as the model gets it, and its images' numbers (wants
        ``images``)."""

    def end_group(self, group: Group) -> None:
        """All subjects have seen the group."""
        raise NotImplementedError

    def tables(self) -> dict[str, dict[str, Table]]:
        """Name of a table -> name of a subject, or ``a | b`` -> the table."""
        raise NotImplementedError

    def state(self) -> dict[str, np.ndarray]:
        """What was measured so far, as arrays."""
        return {
            f'{name}/{part}': getattr(sums, part)
            for name, sums in self.sums.items()
            for part in ('totals', 'values')
        }

    def add_state(self, state: dict[str, np.ndarray]) -> None:
        """Count what was measured elsewhere, or before."""
        for name in sorted({key.rsplit('/', 1)[0] for key in state}):
            totals, values = state[f'{name}/totals'], state[f'{name}/values']
            other = Sums(values.shape[1], len(totals) - 1)
            other.totals, other.values = totals, values
            self.sums_of(name, values.shape[1]).merge(other)

    def sums_of(self, name: str, size: int) -> Sums:
        """The sums of that name, new ones if there are none."""
        if name not in self.sums:
            self.sums[name] = Sums(size)
        return self.sums[name]


class PerImage(Measure):
    """A measure that says something of each image by itself: ``note`` it, and the sums
    ``subject/layer/what`` follow."""

    def __init__(self, subjects: dict[str, Subject]) -> None:
        super().__init__(subjects)
        self._noted: dict[str, list[torch.Tensor]] = defaultdict(list)

    def note(self, subject: str, layer: int, what: str, values: torch.Tensor) -> None:
        """Values (b, ...) of the next images of the group."""
        self._noted[f'{subject}/{layer}/{what}'].append(values.reshape(len(values), -1))

    def end_group(self, group: Group) -> None:
        for name, parts in self._noted.items():
            values = torch.cat(parts).cpu().numpy()
            self.sums_of(name, values.shape[1]).add(values, group.copies)
        self._noted.clear()

    def means(self, subject: str, layer: int, what: str) -> np.ndarray:
        """(1 + R, K), see ``Sums.means``."""
        return self.sums[f'{subject}/{layer}/{what}'].means()
