"""Swin Transformer V2, read whole or through a mask.

Liu et al., "Swin Transformer V2: Scaling Up Capacity and Resolution", CVPR 2022;
masked as in Xie et al., "Revealing the Dark Secrets of Masked Image Modeling",
CVPR 2023.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import FFN
from mmpretrain.models import SwinTransformerV2
from torch import nn

from mim_secrets.models.backbones.swin_attention import ShiftedWindows, WindowAttention
from mim_secrets.models.backbones.swin_encoder import SwinEncoder
from mim_secrets.models.backbones.windows import Size, relative_coordinates
from mim_secrets.registry import MODELS

HIGHEST_SCALE = math.log(100)
HIGHEST_BIAS = 16


@MODELS.register_module()
class SwinV2(SwinEncoder):
    """Swin Transformer V2 with the names of mmpretrain's ``SwinTransformerV2``.

    Drop path leaves out a branch with its norm, as in the paper; mmpretrain's leaves
    out what is before the norm, so that the norm's bias stays.

    Args:
        pretrained_window_sizes: The window that the weights were trained with, or one
            for each stage, if it was another; offsets keep its scale. 0 for the same.
        **kwargs: As for ``SwinEncoder``.
    """

    arch_zoo = SwinTransformerV2.arch_zoo
    merging_owner = 0
    merging_post_norm = True

    def __init__(
        self,
        arch: str | dict = 'tiny',
        *,
        img_size: int | Size = 256,
        window_size: int | Sequence[int] = 8,
        pretrained_window_sizes: int | Sequence[int] = 0,
        **kwargs,
    ) -> None:
        super().__init__(arch, img_size=img_size, window_size=window_size, **kwargs)
        pretrained = self._per_stage('pretrained_window_sizes', pretrained_window_sizes)
        every = self.arch_settings['extra_norm_every_n_blocks']

        def make_block(stage: int, index: int, **options) -> SwinBlockV2:
            extra_norm = every > 0 and (index + 1) % every == 0
            return SwinBlockV2(
                **options, pretrained_window=pretrained[stage], extra_norm=extra_norm
            )

        self.build_stages(make_block)

    def _draw_weights(self) -> None:
        """Every block begins as the identity, as in the authors' code and timm.

        mmpretrain leaves norms at one, where each branch adds as much as the stream has.
        """
        super()._draw_weights()
        for stage in self.stages:
            for block in stage.blocks:
                for norm in (block.norm1, block.norm2):
                    nn.init.zeros_(norm.weight)
                    nn.init.zeros_(norm.bias)


class SwinBlockV2(nn.Module):
    """Attention and a perceptron, each before a norm and beside a residual."""

    def __init__(
        self,
        dims: int,
        num_heads: int,
        window: int,
        shifted: bool,
        drop_path: float,
        pretrained_window: int,
        extra_norm: bool,
    ) -> None:
        super().__init__()
        w_msa = CosineAttention(dims, num_heads, window, pretrained_window)
        self.attn = ShiftedWindows(w_msa, shifted)
        self.norm1 = nn.LayerNorm(dims)
        self.ffn = FFN(dims, 4 * dims, act_cfg=dict(type='GELU'), add_identity=False)
        self.norm2 = nn.LayerNorm(dims)
        self.norm3 = nn.LayerNorm(dims) if extra_norm else None
        self.drop_path = DropPath(drop_path)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) to the same."""
        maps = maps + self.drop_path(self.norm1(self.attn(maps)))
        maps = maps + self.drop_path(self.norm2(self.ffn(maps)))
        return maps if self.norm3 is None else self.norm3(maps)


class CosineAttention(WindowAttention):
    """Scaled cosines, and a bias that a small perceptron makes of each offset.

    Offsets are measured against the window that the module was pre-trained with or
    made for, also where windows are cut.
    """

    scale = 1.0

    def __init__(self, dims: int, num_heads: int, window: int, pretrained_window: int) -> None:
        super().__init__(dims, num_heads, window)
        self.qkv = nn.Linear(dims, 3 * dims, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(dims))
        self.v_bias = nn.Parameter(torch.zeros(dims))
        self.logit_scale = nn.Parameter(torch.full((num_heads, 1, 1), math.log(10)))
        self.cpb_mlp = nn.Sequential(
            nn.Linear(2, 512), nn.ReLU(inplace=True), nn.Linear(512, num_heads, bias=False)
        )
        normalizer = (pretrained_window or window,) * 2
        coordinates = relative_coordinates(self.window, normalizer)
        self.register_buffer('relative_coords_table', coordinates)

    def project(self, windows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """As for ``WindowAttention``; products of queries and keys are logits."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        query, key, value = self.split_heads(F.linear(windows, self.qkv.weight, bias))
        scale = self.logit_scale.clamp(max=HIGHEST_SCALE).exp()
        query, key = _unit(query) * scale, _unit(key)
        return query.to(value.dtype), key.to(value.dtype), value

    def bias(self, window: Size) -> torch.Tensor:
        table = self.cpb_mlp(self.relative_coords_table).flatten(0, 2)
        return self.look_up(HIGHEST_BIAS * table.sigmoid(), window)


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    """Vectors of length 1. Keys of padding are zero, and float16 has no 1e-12."""
    smallest = max(1e-12, torch.finfo(vectors.dtype).tiny)
    return F.normalize(vectors, dim=-1, eps=smallest)
