"""Depth from the last map of an encoder, by deconvolutions and bilinear doublings.

The decoder of Xie et al., "Revealing the Dark Secrets of Masked Image Modeling",
CVPR 2023, for encoders of any stride.
"""

from collections.abc import Sequence
from math import log2

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import nn

from mim_secrets.registry import MODELS

DECONV_CHANNELS = 32
DOUBLINGS = 2  # by interpolation, after the deconvolutions


@MODELS.register_module()
class DeconvDepthHead(BaseModule):
    """A map of stride 2 ** n to depth at full resolution.

    n - 2 deconvolutions lead to stride 4: three after the last stage of a Swin
    Transformer, as in the paper, two after a ViT with patches of 16, none after one
    with patches of 4. A convolution to ``channels`` and two bilinear doublings lead to
    stride 1, where two convolutions make one channel of it, and a sigmoid a share of
    ``max_depth``.

    Args:
        in_channels: Of the map.
        stride: Of the map, a power of 2 from 4 on.
        channels: At full resolution; the paper takes the width of the first stage.
        max_depth: In metres.
        loss: Takes predicted and true depths, and has a ``loss_name``.
    """

    # what mmseg's segmentors ask a head for
    align_corners = False
    num_classes = 1
    out_channels = 1

    def __init__(
        self, in_channels: int, stride: int, channels: int, max_depth: float, loss: dict
    ) -> None:
        super().__init__(dict(type='Normal', layer=['Conv2d', 'ConvTranspose2d'], std=0.001))
        if stride < 4 or log2(stride) % 1:
            raise ValueError(
                f'DeconvDepthHead: stride is {stride}; give the pixels per cell of the map '
                'that comes in, a power of 2 from 4 on, such as 32 after a Swin.'
            )
        if max_depth <= 0:
            raise ValueError(
                f'DeconvDepthHead: max_depth is {max_depth}; give metres above 0, such as '
                '10 for NYUv2 or 80 for KITTI.'
            )
        self.max_depth = max_depth
        width, layers = in_channels, []
        for _ in range(int(log2(stride)) - DOUBLINGS):
            layers.append(nn.ConvTranspose2d(width, DECONV_CHANNELS, 2, stride=2, bias=False))
            layers.append(nn.BatchNorm2d(DECONV_CHANNELS))
            layers.append(nn.ReLU(inplace=True))
            width = DECONV_CHANNELS
        self.deconv_layers = nn.Sequential(*layers)
        self.conv_layers = nn.Sequential(
            nn.Conv2d(width, channels, 3, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        )
        self.prediction = nn.Sequential(
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(channels, 1, 3, padding=1),
        )
        self.loss_depth = MODELS.build(loss)

    def forward(self, features: Sequence[torch.Tensor]) -> torch.Tensor:
        """Maps, of which the last (B, C, h, w) counts, to metres (B, 1, H, W)."""
        maps = self.conv_layers(self.deconv_layers(features[-1]))
        for _ in range(DOUBLINGS):
            maps = F.interpolate(maps, scale_factor=2, mode='bilinear', align_corners=False)
        # 80 m in half precision would come in steps of centimetres
        return self.prediction(maps).float().sigmoid() * self.max_depth

    def loss(
        self, features: Sequence[torch.Tensor], data_samples: list, train_cfg: dict | None = None
    ) -> dict[str, torch.Tensor]:
        """The loss over the batch; ``gt_depth_map`` is (1, H, W) in metres, 0 for unknown."""
        true = torch.stack([sample.gt_depth_map.data for sample in data_samples])
        predicted = cut_to_image(self(features), true.shape[-2:])
        return {self.loss_depth.loss_name: self.loss_depth(predicted, true.to(predicted))}


def cut_to_image(predicted: torch.Tensor, size: Sequence[int]) -> torch.Tensor:
    """(B, 1, H', W') to (B, 1, H, W), without what the encoder padded at bottom and right."""
    height, width = size
    if predicted.shape[-2] < height or predicted.shape[-1] < width:
        raise ValueError(
            f'The depth that is predicted has {tuple(predicted.shape[-2:])} pixels, and the '
            f'image {(height, width)}; set `stride` of DeconvDepthHead to that of the map '
            'that it is given.'
        )
    return predicted[..., :height, :width]
