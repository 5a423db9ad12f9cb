"""Pairs of pictures as trackers want them."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseDataPreprocessor

from mim_secrets.registry import MODELS


@MODELS.register_module()
class PairPreprocessor(BaseDataPreprocessor):
    """``inputs`` of ``PackPair`` on the device: from uint8, BGR to normalised float, RGB.

    Args:
        mean: Of red, green and blue, in 0 to 255.
        std: Of red, green and blue.
    """

    def __init__(
        self,
        mean: Sequence[float] = (123.675, 116.28, 103.53),
        std: Sequence[float] = (58.395, 57.12, 57.375),
        non_blocking: bool = False,
    ) -> None:
        super().__init__(non_blocking)
        self.register_buffer('mean', torch.tensor(mean).view(3, 1, 1), persistent=False)
        self.register_buffer('std', torch.tensor(std).view(3, 1, 1), persistent=False)

    def forward(self, data: dict, training: bool = False) -> dict:
        """``template`` (B, 3, h, w) and ``search`` (B, 3, H, W), or lists of B of them."""
        data = self.cast_data(data)
        inputs = {key: self.normalise(images) for key, images in data['inputs'].items()}
        return dict(inputs=inputs, data_samples=data.get('data_samples'))

    def normalise(self, images: torch.Tensor | list[torch.Tensor]) -> torch.Tensor:
        """Pictures (B, 3, H, W), uint8, BGR."""
        if not isinstance(images, torch.Tensor):
            images = torch.stack(images)
        images = images.to(self.mean.device, non_blocking=self._non_blocking)
        return (images.flip(1).float() - self.mean) / self.std
