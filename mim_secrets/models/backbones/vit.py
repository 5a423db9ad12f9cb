"""The plain vision transformer, read whole or through a mask.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021; masked as in He
et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmpretrain.models import VisionTransformer
from mmpretrain.models.utils import resize_pos_embed
from torch import nn

from mim_secrets.checkpoint.initializer import checkpoint_last, loads_checkpoint
from mim_secrets.models.patches import gather_patches, grid_of, sincos_positions
from mim_secrets.registry import MODELS


@MODELS.register_module()
class ViT(VisionTransformer):
    """mmpretrain's ``VisionTransformer`` with a second, masked way through it.

    Parameters keep mmpretrain's names. ``forward(images)`` never masks;
    ``forward_visible(images, visible, levels)`` never sees a masked patch.

    Args:
        arch: As in mmpretrain, except that ``tiny`` and ``small`` mean the
            192- and 384-wide models that the literature calls ViT-T and ViT-S
            (mmpretrain's ``small`` is 768 wide and 8 deep).
        position: ``learned``, or ``sincos`` for MAE's fixed embedding.
        **kwargs: Everything else that mmpretrain's class takes.
    """

    arch_zoo = {
        **VisionTransformer.arch_zoo,
        **dict.fromkeys(['t', 'tiny'], VisionTransformer.arch_zoo['deit-tiny']),
        **dict.fromkeys(['s', 'small'], VisionTransformer.arch_zoo['deit-small']),
    }

    def __init__(
        self,
        arch: str | dict = 'base',
        *,
        position: str = 'learned',
        out_indices: int | Sequence[int] = -1,
        **kwargs,
    ) -> None:
        if position not in ('learned', 'sincos'):
            raise ValueError(
                f"ViT: position is {position!r}, but only 'learned' and 'sincos' exist."
            )
        if not isinstance(out_indices, int):
            out_indices = list(out_indices)  # mmpretrain resolves negatives in place
        super().__init__(arch, out_indices=out_indices, **kwargs)
        for module in self.modules():
            if isinstance(module, DropPath):
                # mmpretrain's is a NumPy number, which stops torch.compile in
                # every block
                module.drop_prob = float(module.drop_prob)
        self.position = position
        if position == 'sincos':
            self.pos_embed.requires_grad_(False)

    @property
    def patch_size(self) -> int:
        return self.patch_embed.projection.kernel_size[0]

    def init_weights(self) -> None:
        """MAE's initialisation, then what ``init_cfg`` says, then a checkpoint."""
        with checkpoint_last(self):
            nn.init.xavier_uniform_(self.patch_embed.projection.weight.data.flatten(1))
            if self.cls_token is not None:
                nn.init.normal_(self.cls_token, std=0.02)
            super().init_weights()
            if self.position == 'sincos' and not loads_checkpoint(self.init_cfg):
                table = sincos_positions(self.patch_resolution, self.embed_dims)
                self.pos_embed.data.copy_(table[:, 1 - self.num_extra_tokens :])

    def train(self, mode: bool = True) -> 'ViT':
        super().train(mode)
        return self  # mmpretrain's returns None, so that ``model.eval()`` is lost

    def positions(self, grid: tuple[int, int]) -> torch.Tensor:
        """Position embedding for a grid of patches, extra tokens first."""
        return resize_pos_embed(
            self.pos_embed,
            self.patch_resolution,
            grid,
            mode=self.interpolate_mode,
            num_extra_tokens=self.num_extra_tokens,
        )

    def forward_visible(
        self, images: torch.Tensor, visible: torch.Tensor, levels: Sequence[int]
    ) -> dict[int, torch.Tensor]:
        """Encode the visible patches only.

        Args:
            images: (B, C, H, W).
            visible: (B, V) patch numbers, counted row by row.
            levels: Blocks whose outputs are wanted, counted from 0.

        Returns:
            Block number -> its output (B, E + V, D), not normalised; the E extra
            tokens (the class token) come first.
        """
        positions = self.positions(grid_of(images, self.patch_size))
        tokens = self._embed(images, visible)
        tokens = tokens + positions[0, self.num_extra_tokens :][visible]
        if self.cls_token is not None:
            cls_token = self.cls_token + positions[:, :1]
            tokens = torch.cat([cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        tokens = self.pre_norm(self.drop_after_pos(tokens))

        outputs = {}
        for index, layer in enumerate(self.layers[: max(levels) + 1]):
            tokens = layer(tokens)
            if index in levels:
                outputs[index] = tokens
        return outputs

    def normalize(self, tokens: torch.Tensor) -> torch.Tensor:
        """The encoder's last LayerNorm, for whoever made the last tokens."""
        return self.ln1(tokens) if self.final_norm else tokens

    def _embed(self, images: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """The patch convolution as one matrix product over the visible patches."""
        convolution = self.patch_embed.projection
        if convolution.stride != convolution.kernel_size or any(convolution.padding):
            raise ValueError(
                'ViT: patches that overlap or are padded cannot be masked one by one; '
                'pre-train with stride equal to patch_size and no padding.'
            )
        patches = gather_patches(images, visible, self.patch_size).flatten(2)
        return F.linear(patches, convolution.weight.flatten(1), convolution.bias)
