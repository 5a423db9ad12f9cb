"""A model that is looked at."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from mim_secrets.analysis.adapters.protocol import Adapter, Layer


@dataclass(frozen=True, eq=False)
class Subject:
    """A model, what is known of it, and how it wants its images.

    Attributes:
        name: What readers know it by.
        source: Where it came from; a sentence for the report.
        model: All of it, in evaluation mode.
        encoder: The part with the layers.
        forward: Takes images (B, 3, H, W) through all layers of the encoder.
        adapter: Of the encoder's family.
        layers: Of the encoder.
        image_size: Side of the square images that it is given.
        mean: (3,) what is subtracted from RGB values of 0 to 255.
        std: (3,) what they are divided by then.
        channels: Order of channels that it expects, as numbers of R, G and B.
        checkpoint: Its file, beside which there may be the log of its training.
    """

    name: str
    source: str
    model: nn.Module
    encoder: nn.Module
    forward: Callable[[torch.Tensor], object]
    adapter: Adapter
    layers: list[Layer]
    image_size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    channels: tuple[int, int, int] = (0, 1, 2)
    checkpoint: Path | None = None

    def prepare(self, pictures: torch.Tensor) -> torch.Tensor:
        """RGB pictures (B, 3, H, W) of 0 to 255 as the model wants them."""
        device = next(self.model.parameters()).device
        pictures = pictures.to(device).float()
        mean, std = (torch.tensor(v, device=device)[:, None, None] for v in (self.mean, self.std))
        return ((pictures - mean) / std)[:, list(self.channels)]
