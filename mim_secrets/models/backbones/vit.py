"""The plain vision transformer, read whole, through a mask, or as a pair.

Dosovitskiy et al., "An Image is Worth 16x16 Words", ICLR 2021; masked as in He
et al., "Masked Autoencoders Are Scalable Vision Learners", CVPR 2022; paired as
in Ye et al., "Joint Feature Learning and Relation Modeling for Tracking", ECCV
2022.
"""

from collections import deque
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from mmpretrain.models import VisionTransformer
from torch import nn
from torch.utils.checkpoint import checkpoint

from mim_secrets.checkpoint.initializer import checkpoint_last, loads_checkpoint
from mim_secrets.checkpoint.resizing import Grid, resize_positions
from mim_secrets.models.backbones.shortening import plain_arch, plain_levels
from mim_secrets.models.backbones.spatial_attention import RELATIVE_POSITIONS, place_attention
from mim_secrets.models.patches import gather_patches, grid_of, hide_tokens, sincos_positions
from mim_secrets.registry import MODELS

# Short names of mmpretrain's output types.
OUT_TYPES = dict(cls='cls_token', avg='avg_featmap', tokens='raw')


@MODELS.register_module()
class ViT(VisionTransformer):
    """mmpretrain's ``VisionTransformer`` with more ways through it.

    Parameters keep mmpretrain's names. ``forward(images)`` never masks;
    ``forward_visible(images, visible, levels)`` never sees a masked patch, and
    ``forward_masked(images, masked, levels)`` sees a mask token in its place;
    ``forward_pair(template, search)`` lets two images attend to each other.

    Args:
        arch: As in mmpretrain, except that ``tiny`` and ``small`` mean the
            192- and 384-wide models that the literature calls ViT-T and ViT-S
            (mmpretrain's ``small`` is 768 wide and 8 deep).
        position: ``learned``, or ``sincos`` for MAE's fixed embedding.
        out_type: ``cls``, ``avg`` (pooled and normalised), ``featmap``,
            ``tokens``, or mmpretrain's longer names of them.
        window_size: Blocks attend within windows of so many patches; 0 attends
            globally (ViTDet: 14).
        global_blocks: Blocks that attend globally although there are windows.
        relative_position: ``none``; ``decomposed``, as in ViTDet; ``table``, as in
            BEiT and mmseg's ``MAE``. Both start at zero.
        with_cp: Keep no activations inside blocks, compute them twice.
        with_mask_token: Needed for ``forward_masked``.
        drop_last: So many of the last blocks are not built. The others load from a
            file of all; drop path and layer decay are those of the shorter encoder,
            and the last norm follows its last block.
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
        out_type: str = 'cls_token',
        out_indices: int | Sequence[int] = -1,
        window_size: int = 0,
        global_blocks: Sequence[int] = (),
        relative_position: str = 'none',
        with_cp: bool = False,
        with_mask_token: bool = False,
        drop_last: int = 0,
        **kwargs,
    ) -> None:
        _check_choice('position', position, ('learned', 'sincos'))
        _check_choice('relative_position', relative_position, RELATIVE_POSITIONS)
        arch = plain_arch(arch, self.arch_zoo, drop_last)
        blocks = arch['num_layers']
        out_indices = plain_levels(out_indices, blocks)
        kwargs['frozen_stages'] = min(kwargs.get('frozen_stages', -1), blocks)
        out_type = OUT_TYPES.get(out_type, out_type)
        super().__init__(arch, out_type=out_type, out_indices=out_indices, **kwargs)
        self.drop_last = drop_last
        self.with_cp = with_cp
        self.mask_token = None
        if with_mask_token:
            self.mask_token = nn.Parameter(torch.zeros(1, 1, self.embed_dims))
        self.spatial = bool(window_size) or relative_position != 'none'
        if self.spatial:
            built = set(global_blocks).difference(range(blocks, blocks + drop_last))
            place_attention(self, window_size, built, relative_position)
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

    @property
    def level_dims(self) -> list[int]:
        """Width of every level, which is a block."""
        return [self.embed_dims] * self.num_layers

    @property
    def level_strides(self) -> list[int]:
        """Pixels per token of every level."""
        return [self.patch_size] * self.num_layers

    def init_weights(self) -> None:
        """MAE's initialisation, then what ``init_cfg`` says, then a checkpoint; once."""
        if self.is_init:
            return
        with checkpoint_last(self):
            nn.init.xavier_uniform_(self.patch_embed.projection.weight.data.flatten(1))
            if self.cls_token is not None:
                nn.init.normal_(self.cls_token, std=0.02)
            if self.mask_token is not None:
                nn.init.normal_(self.mask_token, std=0.02)
            super().init_weights()
            if self.position == 'sincos' and not loads_checkpoint(self.init_cfg):
                table = sincos_positions(self.patch_resolution, self.embed_dims)
                self.pos_embed.data.copy_(table[:, 1 - self.num_extra_tokens :])

    def train(self, mode: bool = True) -> 'ViT':
        super().train(mode)
        if self.frozen_stages > 0:
            self._freeze_stages()  # mmpretrain lets their dropout come back to life
        return self  # mmpretrain's returns None, so that ``model.eval()`` is lost

    def positions(self, grid: Grid) -> torch.Tensor:
        """Position embedding (1, E + H * W, D) for a grid of patches."""
        if tuple(grid) == tuple(self.patch_resolution):
            return self.pos_embed
        return resize_positions(
            self.pos_embed,
            tuple(grid),
            self.num_extra_tokens,
            tuple(self.patch_resolution),
            mode=self.interpolate_mode,
        )[0]

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Features of the blocks ``out_indices``, in the shape of ``out_type``.

        Args:
            images: (B, C, H, W) of any size.
        """
        tokens, grid = self.embed(images)
        outputs = []
        for index, level in self._through_blocks(tokens, grid, max(self.out_indices)):
            if index in self.out_indices:
                last = index == self.num_layers - 1
                outputs.append(self._format_output(self.normalize(level) if last else level, grid))
        return tuple(outputs)

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
        tokens, grid = self.embed(images, visible)
        blocks = self._through_blocks(self._list_only(tokens), grid, max(levels))
        return {index: tokens for index, tokens in blocks if index in levels}

    def forward_masked(
        self, images: torch.Tensor, masked: torch.Tensor, levels: Sequence[int]
    ) -> dict[int, torch.Tensor]:
        """See the mask token instead of the patches that are masked.

        Args:
            images: (B, C, H, W).
            masked: (B, m_h, m_w), true where hidden. A cell stands for one patch, or
                for a square of them.
            levels: As for ``forward_visible``.

        Returns:
            Block number -> its output (B, E + N, D), not normalised.
        """
        if self.mask_token is None:
            raise ValueError(
                'ViT: there is no mask token to put in the place of masked patches; set '
                'with_mask_token=True.'
            )
        tokens, grid = self.embed(images, masked=masked)
        blocks = self._through_blocks(tokens, grid, max(levels))
        return {index: tokens for index, tokens in blocks if index in levels}

    def forward_pair(
        self, template: torch.Tensor, search: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode two images in one stream, in which all patches see each other.

        Either image gets the position embedding interpolated to its own grid. A
        class token takes no part.

        Args:
            template: (B, C, h, w).
            search: (B, C, H, W).

        Returns:
            Normalised tokens (B, n, D) of the template and (B, N, D) of the search
            image.
        """
        pair = [self.embed(images)[0][:, self.num_extra_tokens :] for images in (template, search)]
        tokens = self._list_only(torch.cat(pair, dim=1))
        blocks = self._through_blocks(tokens, None, self.num_layers - 1)
        ((_, tokens),) = deque(blocks, maxlen=1)
        return self.normalize(tokens).split([part.shape[1] for part in pair], dim=1)

    def embed(
        self,
        images: torch.Tensor,
        visible: torch.Tensor | None = None,
        masked: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, Grid]:
        """Patches as tokens with their positions, extra tokens first.

        Args:
            images: (B, C, H, W).
            visible: (B, V) numbers of the patches that are wanted, or all of them.
            masked: Cells (B, m_h, m_w) where the mask token stands for the patch.

        Returns:
            (B, E + V, D) and the grid of all patches.
        """
        extra = self.num_extra_tokens
        if visible is None:
            tokens, grid = self.patch_embed(images)
            if masked is not None:
                tokens = hide_tokens(tokens, grid, masked, self.mask_token)
            positions = self.positions(grid)
            tokens = tokens + positions[:, extra:]
        else:
            grid = grid_of(images, self.patch_size)
            positions = self.positions(grid)
            tokens = self._embed_visible(images, visible) + positions[0, extra:][visible]
        if self.cls_token is not None:
            cls_token = self.cls_token + positions[:, :1]
            tokens = torch.cat([cls_token.expand(len(tokens), -1, -1), tokens], dim=1)
        return self.pre_norm(self.drop_after_pos(tokens)), grid

    def _embed_visible(self, images: torch.Tensor, visible: torch.Tensor) -> torch.Tensor:
        """The patch convolution as one matrix product over the visible patches."""
        convolution = self.patch_embed.projection
        if convolution.stride != convolution.kernel_size or any(convolution.padding):
            raise ValueError(
                'ViT: patches that overlap or are padded cannot be masked one by one; '
                'pre-train with stride equal to patch_size and no padding.'
            )
        patches = gather_patches(images, visible, self.patch_size).flatten(2)
        return F.linear(patches, convolution.weight.flatten(1), convolution.bias)

    def _through_blocks(
        self, tokens: torch.Tensor, grid: Grid | None, last: int
    ) -> Iterator[tuple[int, torch.Tensor]]:
        for index, layer in enumerate(self.layers[: last + 1]):
            block = self._block if self.spatial else layer
            inputs = (layer, tokens, grid) if self.spatial else (tokens,)
            if self.with_cp and torch.is_grad_enabled():
                tokens = checkpoint(block, *inputs, use_reentrant=False)
            else:
                tokens = block(*inputs)
            yield index, tokens

    @staticmethod
    def _block(layer: nn.Module, tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
        tokens = tokens + layer.attn(layer.ln1(tokens), grid)
        return layer.ffn(layer.ln2(tokens), identity=tokens)

    def _list_only(self, tokens: torch.Tensor) -> torch.Tensor:
        if self.spatial:
            raise ValueError(
                'ViT: windows and relative positions need a whole map of patches, not '
                'some of them and not two images; build this encoder with window_size=0 '
                "and relative_position='none'."
            )
        return tokens

    def normalize(self, tokens: torch.Tensor) -> torch.Tensor:
        """The encoder's last LayerNorm, for whoever made the last tokens."""
        return self.ln1(tokens) if self.final_norm else tokens

    def _prepare_pos_embed(self, state_dict: dict, prefix: str, *args, **kwargs) -> None:
        """Let a state dict of another image size load (mmpretrain's hook fails on
        rectangles and loses count of class tokens)."""
        name = prefix + 'pos_embed'
        if name in state_dict and state_dict[name].shape != self.pos_embed.shape:
            state_dict[name], _ = resize_positions(
                state_dict[name],
                tuple(self.patch_resolution),
                self.num_extra_tokens,
                class_token=f'{prefix}cls_token' in state_dict,
                mode=self.interpolate_mode,
            )


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(f'ViT: {name} is {value!r}; choose from {", ".join(map(repr, choices))}.')
