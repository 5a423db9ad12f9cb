"""At which frequencies a masked-image model's pictures are wrong.

Liu et al., "Improving Pixel-based MIM by Reducing Wasted Modeling Capability", ICCV
2023, find that models of pixels lean towards high frequencies.
"""

import numpy as np
import torch
import torch.nn.functional as F

from mim_secrets.analysis.measures.measure import IMAGES, PerImage
from mim_secrets.analysis.statistics import estimate
from mim_secrets.analysis.subject import Subject
from mim_secrets.analysis.tables import Table
from mim_secrets.models import Mask, MaskedImageModel
from mim_secrets.visualization.reconstruction import fixed_mask

# Of equal width in radial frequency, from 0, which is in none, up to pi.
BANDS = 8
EDGES = np.arange(BANDS + 1) / BANDS


def band_power(pictures: torch.Tensor) -> torch.Tensor:
    """Power of the Fourier transform in rings around frequency 0, over all channels.

    Ring k holds radial frequencies above ``EDGES[k]`` and up to ``EDGES[k + 1]``, as
    shares of pi. In none are frequency 0, which is the mean colour, and the corners
    beyond pi, which only diagonals reach.

    Args:
        pictures: (b, C, h, w).

    Returns:
        (b, BANDS), float64.
    """
    height, width = pictures.shape[-2:]
    # in double precision, so that no band hears the rounding of a louder one
    power = torch.fft.fft2(pictures.double()).abs().square().sum(dim=1)
    down, across = (torch.fft.fftfreq(n, 0.5, dtype=torch.float64) for n in (height, width))
    # an edge belongs below, whatever the rounding
    ring = torch.ceil(torch.hypot(down[:, None], across) * BANDS - 1e-9).long()
    ring = ring.flatten().clamp(max=BANDS + 1)
    member = F.one_hot(ring, BANDS + 2)[:, 1 : BANDS + 1]
    return power.flatten(1) @ member.to(power)


class ReconstructionBands(PerImage):
    """Power of what is wrong in a reconstruction, relative to the true picture's.

    Table ``reconstruction``, by radial frequency in shares of pi, of the subjects that
    rebuild pictures; the others are left out. Every image has one mask, which its
    number decides. The prediction stands where patches were masked and the true picture
    elsewhere, so that only masked patches can be wrong.
    """

    name = 'reconstruction'
    wants = frozenset({IMAGES})

    def see_images(self, subject: str, images: torch.Tensor, numbers: np.ndarray) -> None:
        looked_at = self.subjects[subject]
        if not isinstance(looked_at.model, MaskedImageModel):
            return
        pictures = looked_at.model.reconstruct(images, masks_of(looked_at.model, images, numbers))
        # grey levels, in which models with other normalisations can be compared
        std = torch.tensor(looked_at.std)[list(looked_at.channels), None, None].to(images)
        wrong = band_power((pictures.pasted - pictures.original) * std)
        power = torch.stack([wrong, band_power(pictures.original * std)], dim=1)
        self.note(subject, 0, 'power', power)

    def tables(self) -> dict[str, dict[str, Table]]:
        painters = {
            name: subject
            for name, subject in self.subjects.items()
            if isinstance(subject.model, MaskedImageModel)
        }
        left_out = [name for name in self.subjects if name not in painters]
        tables = {}
        for name, subject in painters.items():
            wrong, whole = np.split(self.means(name, 0, 'power'), 2, axis=1)
            with np.errstate(invalid='ignore', divide='ignore'):
                values = estimate(wrong / whole)
            index = dict(low_frequency=EDGES[:-1], high_frequency=EDGES[1:])
            images = int(self.sums[f'{name}/0/power'].totals[0])
            tables[name] = Table(
                'reconstruction', 'relative error', images, index, values, _notes(subject, left_out)
            )
        return {'reconstruction': tables} if tables else {}


def masks_of(model: MaskedImageModel, images: torch.Tensor, numbers: np.ndarray) -> Mask:
    """The masks that belong to the numbers of images (B, C, H, W)."""
    masks = [fixed_mask(model, images[:1], int(number))[:2] for number in numbers]
    return Mask(*(torch.cat(ids) for ids in zip(*masks)))


def _notes(subject: Subject, left_out: list[str]) -> tuple[str, ...]:
    model = subject.model
    notes = [
        f'{model.masking.ratio:.0%} of the patches of {model.patch_size} px are masked; the '
        'power of what is wrong is divided by that of the whole true picture.'
    ]
    if model.head.norm_pix:
        notes.append(
            'The model predicts patches without their mean and contrast, which are taken '
            'from the true picture; a model that predicts plain pixels gets no such help.'
        )
    if model.head.change:
        notes.append(
            f'The model was trained on another target ({type(model.head.change).__name__}); '
            'here, too, it is compared with the true picture.'
        )
    if left_out:
        notes.append(f'Not shown, as they rebuild no pictures: {", ".join(left_out)}.')
    return tuple(notes)
