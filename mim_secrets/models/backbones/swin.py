"""Swin Transformer, read whole or through a mask.

Liu et al., "Swin Transformer: Hierarchical Vision Transformer using Shifted
Windows", ICCV 2021; masked as in Xie et al., "SimMIM", CVPR 2022.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn.bricks import DropPath
from mmcv.cnn.bricks.transformer import FFN
from mmpretrain.models import SwinTransformer
from torch import nn

from mim_secrets.models.backbones.swin_attention import ShiftedWindows, WindowAttention
from mim_secrets.models.backbones.swin_encoder import SwinEncoder
from mim_secrets.models.backbones.windows import Size
from mim_secrets.registry import MODELS


@MODELS.register_module()
class Swin(SwinEncoder):
    """Swin Transformer with the names of mmpretrain's ``SwinTransformer``.

    With a mask token, those of its ``SimMIMSwinTransformer``. Arguments are
    ``SwinEncoder``'s.
    """

    arch_zoo = SwinTransformer.arch_zoo
    merging_owner = -1
    merging_post_norm = False

    def __init__(
        self,
        arch: str | dict = 'tiny',
        *,
        img_size: int | Size = 224,
        window_size: int | Sequence[int] = 7,
        **kwargs,
    ) -> None:
        super().__init__(arch, img_size=img_size, window_size=window_size, **kwargs)
        self.build_stages(lambda stage, index, **options: SwinBlock(**options))


class SwinBlock(nn.Module):
    """Attention and a perceptron, each behind a norm and beside a residual."""

    def __init__(
        self, dims: int, num_heads: int, window: int, shifted: bool, drop_path: float
    ) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dims)
        self.attn = ShiftedWindows(TableAttention(dims, num_heads, window), shifted)
        self.norm2 = nn.LayerNorm(dims)
        self.ffn = FFN(dims, 4 * dims, act_cfg=dict(type='GELU'), add_identity=False)
        self.drop_path = DropPath(drop_path)

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        """(B, H, W, C) to the same."""
        maps = maps + self.drop_path(self.attn(self.norm1(maps)))
        return maps + self.drop_path(self.ffn(self.norm2(maps)))


class TableAttention(WindowAttention):
    """Scaled products, and a learnt bias for each offset and head from a table.

    A cut window reads the offsets that occur in it.
    """

    scale = None

    def __init__(self, dims: int, num_heads: int, window: int) -> None:
        super().__init__(dims, num_heads, window)
        self.qkv = nn.Linear(dims, 3 * dims)
        offsets = (2 * window - 1) ** 2
        self.relative_position_bias_table = nn.Parameter(torch.zeros(offsets, num_heads))

    def project(self, windows: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return self.split_heads(self.qkv(windows))

    def bias(self, window: Size) -> torch.Tensor:
        return self.look_up(self.relative_position_bias_table, window)
