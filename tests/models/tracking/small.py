"""Trackers small enough for a test, and one that knows where things are."""

import numpy as np
import torch
from mmengine.structures import BaseDataElement

from mim_secrets.models.tracking import Maps, OneStreamTracker, Tracker
from mim_secrets.registry import MODELS

ARCH = dict(embed_dims=32, num_layers=4, num_heads=4, feedforward_channels=64)
ENCODER = dict(
    type='mim_secrets.ViT',
    arch=ARCH,
    img_size=32,
    patch_size=8,
    position='sincos',
    out_type='raw',
)


def one_stream(encoder: dict | None = None, **options) -> OneStreamTracker:
    """Template 32 px, 4 x 4 tokens; search window 64 px, 8 x 8 tokens."""
    torch.manual_seed(0)
    head = dict(type='mim_secrets.CentreHead', in_channels=32, channels=16)
    sizes = dict(template_size=32, search_size=64)
    tracker = OneStreamTracker({**ENCODER, **(encoder or {})}, head, **{**sizes, **options})
    tracker.init_weights()
    return tracker.eval()


def batch(count: int = 4, template_size: int = 32, search_size: int = 64) -> dict:
    """As a data loader hands it on."""
    generator = torch.Generator().manual_seed(0)

    def pictures(size: int) -> torch.Tensor:
        return torch.randint(256, (count, 3, size, size), generator=generator).byte()

    middles = torch.rand(count, 2, generator=generator)
    sizes = 0.1 + 0.4 * torch.rand(count, 2, generator=generator)
    boxes = torch.cat([middles - sizes / 2, sizes], dim=1)
    return dict(
        inputs=dict(template=pictures(template_size), search=pictures(search_size)),
        data_samples=[BaseDataElement(gt_box=box) for box in boxes],
    )


def frame(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@MODELS.register_module(force=True)
class NoEncoder(torch.nn.Module):
    """In the place of an encoder."""


@MODELS.register_module(force=True)
class NoHead(torch.nn.Module):
    """In the place of a head."""


class Oracle(Tracker):
    """Finds what it was told to: maps with one high cell and one box."""

    def __init__(self, cells: int = 16, **options) -> None:
        parts = (dict(type='mim_secrets.NoEncoder'), dict(type='mim_secrets.NoHead'))
        super().__init__(*parts, **{**dict(template_size=16, search_size=32), **options})
        self.cells = cells
        self.answers: list[np.ndarray] = []  # boxes in shares of the window
        self.score = 0.9

    def encode_template(self, images: torch.Tensor) -> torch.Tensor:
        return images

    def search(self, template: torch.Tensor, images: torch.Tensor) -> Maps:
        self.seen = template, images
        score = torch.full((len(images), self.cells, self.cells), 0.01)
        boxes = torch.rand(len(images), self.cells, self.cells, 4)
        for index, box in enumerate(self.answers):
            column, row = np.clip((box[:2] + box[2:] / 2) * self.cells, 0, self.cells - 1).astype(
                int
            )
            score[index, row, column] = self.score
            boxes[index, row, column] = torch.from_numpy(box)
        return Maps(score, boxes)
