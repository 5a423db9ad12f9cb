"""What a model is asked for instead of plain pixels.

A target turns images into images of the same size, patch by patch comparable with
what the decoder predicts.
"""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule

from mim_secrets.registry import MODELS

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@MODELS.register_module()
class LowPassTarget(BaseModule):
    """Images without their fine detail, as PixMIM asks for.

    Liu et al., "PixMIM: Rethinking Pixel Reconstruction in Masked Image Modeling",
    TMLR 2024. An ideal filter: frequencies up to ``cutoff`` stay as they are, those
    above are gone.

    Args:
        cutoff: In cycles per pixel. PixMIM's radius of 40 at 224 px is 40 / 224.
        compat: Filter as the released code does, for exact reproduction: around a
            centre that lies half a frequency off, on pixels between 0 and 1, and
            with the magnitude of the complex result.
    """

    def __init__(self, cutoff: float = 40 / 224, compat: bool = False) -> None:
        super().__init__()
        if not 0 < cutoff <= 0.75:
            raise ValueError(
                f'LowPassTarget: cutoff is {cutoff} cycles per pixel, but images have '
                'none above 0.71; PixMIM has 40 / 224.'
            )
        self.cutoff = cutoff
        self.compat = compat

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) to the same."""
        images = images.float()
        return self._released(images) if self.compat else self._centred(images)

    def _centred(self, images: torch.Tensor) -> torch.Tensor:
        height, width = images.shape[-2:]
        down = torch.fft.fftfreq(height, device=images.device)
        across = torch.fft.rfftfreq(width, device=images.device)
        kept = torch.hypot(down[:, None], across) <= self.cutoff + 1e-6
        return torch.fft.irfft2(torch.fft.rfft2(images) * kept, s=(height, width))

    def _released(self, images: torch.Tensor) -> torch.Tensor:
        mean = images.new_tensor(IMAGENET_MEAN)[:, None, None]
        std = images.new_tensor(IMAGENET_STD)[:, None, None]
        height, width = images.shape[-2:]
        down = torch.arange(height, device=images.device) - (height - 1) / 2
        across = torch.arange(width, device=images.device) - (width - 1) / 2
        kept = torch.hypot(down[:, None] / height, across / width) <= self.cutoff
        spectrum = torch.fft.fftshift(torch.fft.fft2(images * std + mean), dim=(-2, -1))
        return (torch.fft.ifft2(spectrum * kept).abs() - mean) / std


@MODELS.register_module()
class LocalNormTarget(BaseModule):
    """Pixels relative to what surrounds them, as SimMIM asks of SwinV2.

    Every pixel is compared with the mean, and divided by the deviation, of a square
    window around it that ends at the borders of the image.

    Args:
        window: Side of the window in pixels, odd.
    """

    EPS = 1e-6

    def __init__(self, window: int = 47) -> None:
        super().__init__()
        if window < 3 or window % 2 == 0:
            raise ValueError(
                f'LocalNormTarget: window is {window}, but it must be odd, so that it has '
                'a pixel at its centre, and at least 3.'
            )
        self.window = window

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) to the same."""
        images = images.float()
        mean, std = self.surroundings(images)
        return (images - mean) / std

    def surroundings(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and deviation (unbiased) around every pixel, each (B, C, H, W)."""
        mean, square = self._average(images), self._average(images.square())
        ones = images.new_ones(1, 1, *images.shape[-2:])
        # a window that ends at the border averages over fewer pixels
        count = self._average(ones, whole=True) * self.window**2
        variance = (square - mean.square()) * (count / (count - 1))
        return mean, (variance.clamp(min=0) + self.EPS).sqrt()

    def _average(self, images: torch.Tensor, whole: bool = False) -> torch.Tensor:
        return F.avg_pool2d(images, self.window, 1, self.window // 2, count_include_pad=whole)
