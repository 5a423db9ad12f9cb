"""Models small enough to be looked at in a test."""

from pathlib import Path

import cv2
import numpy as np
import torch

from mim_secrets.analysis.adapters import find_adapter
from mim_secrets.analysis.subject import Subject
from mim_secrets.models.backbones.vit import ViT

SIZE, PATCH = 32, 8
ARCH = dict(embed_dims=24, num_layers=3, num_heads=3, feedforward_channels=48)


def small_vit(seed: int = 0, **options) -> ViT:
    """Three layers of three heads over 4 x 4 patches, with weights that differ."""
    torch.manual_seed(seed)
    options = dict(arch=ARCH, img_size=SIZE, patch_size=PATCH, out_type='raw') | options
    encoder = ViT(**options)
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return encoder.eval()


def small_subject(name: str = 'small', seed: int = 0, **options) -> Subject:
    encoder = small_vit(seed, **options)
    adapter = find_adapter(encoder)
    return Subject(
        name=name,
        source='made for a test',
        model=encoder,
        encoder=encoder,
        forward=encoder,
        adapter=adapter,
        layers=adapter.layers(encoder),
        image_size=SIZE,
        mean=(127.5,) * 3,
        std=(127.5,) * 3,
    )


def write_noise(folder: Path, number: int = 22, size: int = 40) -> Path:
    """Pictures ``folder/{a,b}/*.png``, all different."""
    generator = np.random.default_rng(0)
    for index in range(number):
        path = folder / 'ab'[index % 2] / f'{index:02d}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = generator.integers(0, 256, (5, 5, 3)).astype(np.uint8)
        cv2.imwrite(str(path), cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC))
    return folder
