"""A pyramid of maps from a plain encoder, which has one size of map only.

Li et al., "Exploring Plain Vision Transformer Backbones for Object Detection", ECCV
2022; without convolutions behind it, as segmentors on BEiT and MAE have it.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmengine.model import BaseModule
from torch import nn

from mim_secrets.registry import MODELS

LAYER_NORM = dict(type='mim_secrets.LN2d', eps=1e-6)  # over channels, at each place
NUM_SCALES = 4


@MODELS.register_module()
class SimpleFeaturePyramid(BaseModule):
    """Maps at 4, 2, 1 and 1/2 times the encoder's resolution.

    With patches of 16 pixels, strides are 4, 8, 16 and 32. Deconvolutions make maps
    larger, max pooling makes them smaller, and no level sees another. There are two
    forms, told apart by ``out_channels``, with the names of parameters that mmdet's
    ViTDet project has::

        neck=dict(type='mim_secrets.SimpleFeaturePyramid', in_channels=768,
                  out_channels=256, num_outs=5)          # ViTDet
        neck=dict(type='mim_secrets.SimpleFeaturePyramid', in_channels=768,
                  norm_cfg=dict(type='SyncBN'))          # mmseg's Feature2Pyramid

    Args:
        in_channels: Width of the encoder, C.
        out_channels: Width of every level. A deconvolution then halves the width, and
            a 1x1 and a 3x3 convolution follow, each with a norm. ``None`` keeps the
            encoder's width and adds nothing behind.
        num_outs: Levels. Those beyond four take every other point of the one before.
        norm_cfg: Of the norms, the one between two deconvolutions included.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int | None = None,
        num_outs: int = NUM_SCALES,
        norm_cfg: dict = LAYER_NORM,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if num_outs < NUM_SCALES:
            raise ValueError(
                f'SimpleFeaturePyramid: num_outs is {num_outs}, but the pyramid has '
                f'{NUM_SCALES} levels to begin with; let the head read fewer of them.'
            )
        shrinks = out_channels is not None
        half, quarter = (in_channels // n if shrinks else in_channels for n in (2, 4))
        self.num_outs = num_outs
        self.fpn1 = nn.Sequential(
            _doubled(in_channels, half),
            build_norm_layer(norm_cfg, half)[1],
            nn.GELU(),
            _doubled(half, quarter),
        )
        self.fpn2 = nn.Sequential(_doubled(in_channels, half))
        self.fpn3 = nn.Identity()
        self.fpn4 = nn.MaxPool2d(2)
        self.lateral_convs, self.fpn_convs = nn.ModuleList(), nn.ModuleList()
        if shrinks:
            options = dict(norm_cfg=norm_cfg, act_cfg=None)
            for width in (quarter, half, in_channels, in_channels):
                self.lateral_convs.append(ConvModule(width, out_channels, 1, **options))
                self.fpn_convs.append(
                    ConvModule(out_channels, out_channels, 3, padding=1, **options)
                )

    def forward(self, inputs: Sequence[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        """Rescale.

        Args:
            inputs: One map (B, C, h, w), which every level is made of, or four of that
                shape, one for each level from the largest.

        Returns:
            Maps (B, D, 4h, 4w), (B, D, 2h, 2w), (B, D, h, w), (B, D, h / 2, w / 2) and
            so on.
        """
        if len(inputs) not in (1, NUM_SCALES):
            raise ValueError(
                f'SimpleFeaturePyramid: the encoder returns {len(inputs)} maps; set its '
                f'out_indices to one block, or to {NUM_SCALES}, one for each level.'
            )
        inputs = list(inputs) * (NUM_SCALES // len(inputs))
        scales = (self.fpn1, self.fpn2, self.fpn3, self.fpn4)
        levels = [rescale(maps) for rescale, maps in zip(scales, inputs, strict=True)]
        for convs in (self.lateral_convs, self.fpn_convs):
            if convs:
                levels = [conv(level) for conv, level in zip(convs, levels, strict=True)]
        while len(levels) < self.num_outs:
            levels.append(F.max_pool2d(levels[-1], 1, stride=2))
        # RoIAlign reads memory row by row, whatever the strides are
        return tuple(level.contiguous() for level in levels)


def _doubled(in_channels: int, out_channels: int) -> nn.Module:
    return nn.ConvTranspose2d(in_channels, out_channels, kernel_size=2, stride=2)
