"""How much fine detail the tokens of a layer hold.

Tokens without the class token are a map like a picture, with a Fourier transform. Park
and Kim, "How Do Vision Transformers Work?", ICLR 2022, read its log amplitude along the
diagonal, relative to frequency 0; Liu et al., "Improving Pixel-based MIM by Reducing
Wasted Modeling Capability", ICCV 2023, ask so whether fusion spares a layer the detail.
"""

import numpy as np
import torch

from mim_secrets.analysis.adapters.protocol import Size, Tokens, grid_of
from mim_secrets.analysis.measures.measure import PerImage
from mim_secrets.analysis.statistics import estimate
from mim_secrets.analysis.tables import Table

# Of a channel's largest amplitude on the diagonal. What is smaller counts as this much: a
# model's own rounding, which depends on the batch, decides what is far below.
FLOOR = 1e-3
UNIT = 'log ratio to frequency 0'
ODD = (
    'A map with an odd number of tokens on a side has no frequency pi; its highest one '
    'stands in the place of pi.'
)


def frequencies(grid: Size) -> np.ndarray:
    """(F,) points on the diagonal as shares of pi: those of the shorter side.

    A side of n tokens has n // 2 + 1 of them, up to 1 when n is even.
    """
    return np.arange(min(grid) // 2 + 1) * 2 / min(grid)


def log_amplitudes(maps: torch.Tensor) -> torch.Tensor:
    """Log amplitude along the diagonal, averaged over channels, less that at 0.

    Of a longer side the frequency nearest to the shorter one's is read. White noise
    has 0 at pi as at 0, and ln(2) / 2 between, where amplitudes are complex.

    Args:
        maps: (b, h, w, C).

    Returns:
        (b, F) float32 natural logarithms, for ``frequencies((h, w))``.
    """
    bins = [_nearest(length, tuple(maps.shape[1:3])) for length in maps.shape[1:3]]
    amplitudes = torch.fft.rfft2(maps.float(), dim=(1, 2))[:, bins[0], bins[1]].abs()
    largest = amplitudes.amax(dim=1, keepdim=True)
    # an empty channel counts as flat
    floor = (FLOOR * largest).clamp(min=torch.finfo(torch.float32).tiny)
    logs = torch.maximum(amplitudes, floor).log().mean(dim=2)
    return logs - logs[:, :1]


def _nearest(length: int, grid: Size) -> torch.Tensor:
    """(F,) number of the frequency of a side that lies nearest to each on the diagonal."""
    bins = np.floor(frequencies(grid) * length / 2 + 0.5 + 1e-9).astype(np.int64)
    return torch.from_numpy(bins.clip(max=length // 2))


class Spectrum(PerImage):
    """Relative log amplitude of the output of every block.

    Tables ``spectrum``, by frequency as a share of pi, and ``spectrum_layer``, the value
    at pi. Stages of a pyramid have maps, and so frequencies, of their own.
    """

    name = 'spectrum'
    wants = frozenset({'block'})

    def see_tokens(self, subject: str, layer: int, part: str, tokens: Tokens) -> None:
        if part == 'block':
            self.note(subject, layer, 'log_amplitude', log_amplitudes(tokens.map()))

    def tables(self) -> dict[str, dict[str, Table]]:
        whole, highest = {}, {}
        for name, subject in self.subjects.items():
            means = [
                self.means(name, layer, 'log_amplitude') for layer in range(len(subject.layers))
            ]
            size = (subject.image_size, subject.image_size)
            grids = [grid_of(size, layer.stride) for layer in subject.layers]
            counts = [layer.shape[1] for layer in means]
            stages = np.array([layer.stage for layer in subject.layers])
            index = dict(
                layer=np.repeat(np.arange(len(means)), counts),
                stage=np.repeat(stages, counts),
                frequency=np.concatenate([frequencies(grid) for grid in grids]),
            )
            images = int(self.sums[f'{name}/0/log_amplitude'].totals[0])
            notes = (ODD,) if any(min(grid) % 2 for grid in grids) else ()
            values = estimate(np.concatenate(means, axis=1))
            whole[name] = Table('spectrum', UNIT, images, index, values, notes)
            index = dict(layer=np.arange(len(means)), stage=stages)
            values = estimate(np.stack([layer[:, -1] for layer in means], axis=1))
            highest[name] = Table('spectrum_layer', UNIT, images, index, values, notes)
        return {'spectrum': whole, 'spectrum_layer': highest}
