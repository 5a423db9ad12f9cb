"""Pixels as the target, and the loss on the patches that were masked."""

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule

from mim_secrets.models.heads.targets import LocalNormTarget
from mim_secrets.models.patches import gather_patches
from mim_secrets.registry import MODELS

CRITERIA = dict(l2=F.mse_loss, l1=F.l1_loss)


@MODELS.register_module()
class PixelHead(BaseModule):
    """Error between predicted and true pixels of masked patches.

    A patch is the vector of its pixels, row by row, channels innermost.

    Args:
        patch_size: Side of a patch in pixels, p.
        norm_pix: Give every target patch zero mean and unit variance (unbiased,
            as MAE does), so that contrast within a patch is what counts.
        criterion: ``l2``, the mean squared error, or ``l1``, the mean absolute one.
        target: What stands for the true pixels, such as ``LowPassTarget``; by
            default the images themselves.
    """

    EPS = 1e-6

    def __init__(
        self,
        patch_size: int,
        norm_pix: bool = True,
        criterion: str = 'l2',
        target: dict | None = None,
    ) -> None:
        super().__init__()
        if criterion not in CRITERIA:
            raise ValueError(
                f'PixelHead: criterion is {criterion!r}; choose {" or ".join(map(repr, CRITERIA))}.'
            )
        self.patch_size = patch_size
        self.norm_pix = norm_pix
        self.criterion = criterion
        self.change = target and MODELS.build(target)

    def pixels(self, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """Patches ``ids`` (B, K) of the target of images (B, C, H, W): (B, K, p * p * C)."""
        if self.change:
            images = self.change(images)
        patches = gather_patches(images, ids, self.patch_size)
        return patches.permute(0, 1, 3, 4, 2).flatten(2)

    def target(self, images: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        """What should be predicted for patches ``ids``: (B, K, p * p * C)."""
        pixels = self.pixels(images, ids)
        if not self.norm_pix:
            return pixels
        mean, std = self._statistics(pixels)
        return (pixels - mean) / std

    def to_patches(
        self, predicted: torch.Tensor, images: torch.Tensor, ids: torch.Tensor
    ) -> torch.Tensor:
        """Predictions (B, K, p * p * C) back as pixels (B, K, C, p, p).

        With ``norm_pix`` the model never learnt a patch's mean and contrast, so
        these are taken from the true patch; likewise what a pixel is compared with,
        where the target is ``LocalNormTarget``.
        """
        if self.norm_pix:
            mean, std = self._statistics(self.pixels(images, ids))
            predicted = predicted * std + mean
        size = (self.patch_size, self.patch_size, -1)
        patches = predicted.unflatten(2, size).permute(0, 1, 4, 2, 3)
        if isinstance(self.change, LocalNormTarget):
            surroundings = self.change.surroundings(images.float())
            mean, std = (gather_patches(maps, ids, self.patch_size) for maps in surroundings)
            patches = patches * std + mean
        return patches

    def loss(
        self, predicted: torch.Tensor, images: torch.Tensor, ids: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The loss, and how bright and how contrasty the predictions are.

        ``pixel_std`` near zero beside a ``target_std`` near one means that the
        model answers with flat patches.
        """
        predicted = predicted.float()
        target = self.target(images, ids)
        with torch.no_grad():
            pixel_std, pixel_mean = torch.std_mean(predicted)
            target_std = target.std()
        return dict(
            loss=CRITERIA[self.criterion](predicted, target),
            pixel_mean=pixel_mean,
            pixel_std=pixel_std,
            target_std=target_std,
        )

    def _statistics(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        variance, mean = torch.var_mean(pixels, dim=-1, keepdim=True)
        return mean, (variance + self.EPS).sqrt()
