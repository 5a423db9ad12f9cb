"""Batches as the model wants them: normalised and, in training, of a chosen size."""

import torch.nn.functional as F
from mmpretrain.models.utils import SelfSupDataPreprocessor

from mim_secrets.registry import MODELS


@MODELS.register_module()
class ResizingPreprocessor(SelfSupDataPreprocessor):
    """mmpretrain's preprocessor, which can also resize what is trained on.

    Images are resized on the device, antialiased, after they were cropped,
    flipped and normalised: a smaller batch shows the same crops with less detail.
    Whatever is not training (probes, reconstructions) keeps its size.

    Attributes:
        size: Side of the training images in pixels; ``None`` leaves them as they are.
    """

    size: int | None = None

    def forward(self, data: dict, training: bool = False) -> dict:
        """Images (B, C, S, S) to (B, C, size, size)."""
        batch = super().forward(data, training)
        images = batch['inputs']
        if not training or self.size in (None, images.shape[-1]):
            return batch
        if images.shape[-2] != images.shape[-1]:
            raise ValueError(
                f'ResizingPreprocessor: images of {images.shape[-2]}x{images.shape[-1]} pixels '
                'would be squeezed into squares; crop them to squares in the pipeline.'
            )
        size = (self.size, self.size)
        batch['inputs'] = F.interpolate(images, size, mode='bicubic', antialias=True)
        return batch
