"""What Swin Transformers have in common: everything around their blocks."""

from collections.abc import Callable, Iterator, Sequence

import torch
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks.transformer import PatchEmbed
from mmengine.model import BaseModule
from mmpretrain.models.utils import PatchMerging, resize_pos_embed
from torch import nn
from torch.utils.checkpoint import checkpoint

from mim_secrets.checkpoint.initializer import checkpoint_last
from mim_secrets.models.backbones.shortening import blocks_left, pyramid_levels
from mim_secrets.models.backbones.windows import Size
from mim_secrets.models.patches import hide_tokens

LAYER_NORM = dict(type='LN')
# Buffers that follow from the window: those of a file are not looked at.
RECOMPUTED = ('relative_position_index', 'relative_coords_table', 'attn_mask')
DRAWN = ('relative_position_bias_table', 'absolute_pos_embed', 'mask_token')


class SwinEncoder(BaseModule):
    """A pyramid of stages of window attention; ``Swin`` and ``SwinV2`` add blocks.

    Names of parameters and buffers are mmpretrain's. ``forward(images)`` never
    masks; ``forward_masked(images, masked, levels)`` never sees what is masked.

    Images of any size may come. What does not divide is padded with zeros at the
    bottom and on the right: images to patches, maps to windows, maps to pairs. On an
    axis that the window covers, the window is cut to the map and not shifted.
    mmpretrain decides about the shift for both axes at once and refuses maps smaller
    than the window, so features differ where only one axis is covered.

    Args:
        arch: A name of mmpretrain's, or a dict with the fields of its ``arch_zoo``.
        img_size: What the absolute position embedding is made for; it is resized
            for other images.
        window_size: Side of the windows, or one for each stage.
        drop_path_rate: Of the last block, rising linearly from 0 at the first.
        out_indices: Stages whose maps are returned; later ones are not computed.
        with_cp: Keep no activations inside blocks, compute them twice.
        frozen_stages: The last stage that is kept as it is, together with all that
            comes before it; -1 for none.
        norm_cfg: Of the maps that are returned.
        with_mask_token: Needed for ``forward_masked``.
        drop_last: As for ``ViT``, counted from the end over all stages. A stage without
            blocks disappears, its patch merging too, and in ``out_indices`` the last
            stage left, of half the width, stands for it. (The second paper does not
            say what becomes of the merging.)
    """

    num_extra_tokens = 0  # no class token

    arch_zoo: dict[str, dict]
    # The patch merging before stage s belongs to stage s + merging_owner ...
    merging_owner: int
    # ... and has its norm after its projection, or before.
    merging_post_norm: bool

    def __init__(
        self,
        arch: str | dict,
        *,
        img_size: int | Size,
        window_size: int | Sequence[int],
        patch_size: int = 4,
        in_channels: int = 3,
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.1,
        out_indices: Sequence[int] = (3,),
        use_abs_pos_embed: bool = False,
        interpolate_mode: str = 'bicubic',
        with_cp: bool = False,
        frozen_stages: int = -1,
        norm_cfg: dict = LAYER_NORM,
        with_mask_token: bool = False,
        drop_last: int = 0,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.arch_settings = self._known(arch)
        self.embed_dims = self.arch_settings['embed_dims']
        self.drop_last, name = drop_last, type(self).__name__
        self.depths = blocks_left(name, self.arch_settings['depths'], drop_last)
        self.num_layers = len(self.depths)
        self.num_features = [self.embed_dims * 2**stage for stage in range(self.num_layers)]
        self.window_sizes = self._per_stage('window_size', window_size)
        self.patch_size = patch_size
        self.drop_path_rate = drop_path_rate
        stages = len(self.arch_settings['depths'])
        self.out_indices = pyramid_levels(name, out_indices, stages, self.num_layers)
        self.interpolate_mode = interpolate_mode
        self.with_cp = with_cp
        self.frozen_stages = frozen_stages

        self.patch_embed = PatchEmbed(
            in_channels,
            self.embed_dims,
            kernel_size=patch_size,
            stride=patch_size,
            norm_cfg=LAYER_NORM,
            input_size=img_size,
        )
        self.patch_resolution = self.patch_embed.init_out_size
        patches = self.patch_resolution[0] * self.patch_resolution[1]
        self.absolute_pos_embed = _zeros(1, patches, self.embed_dims) if use_abs_pos_embed else None
        self.mask_token = _zeros(1, 1, self.embed_dims) if with_mask_token else None
        self.drop_after_pos = nn.Dropout(drop_rate)
        for stage in self.out_indices:
            norm = build_norm_layer(norm_cfg, self.num_features[stage])[1]
            self.add_module(f'norm{stage}', norm)

    def build_stages(self, make_block: Callable[..., nn.Module]) -> None:
        """Fill the pyramid with ``make_block(stage, index, **what_all_blocks_take)``."""
        drop_paths = iter(torch.linspace(0, self.drop_path_rate, sum(self.depths)).tolist())
        self.stages = nn.ModuleList()
        for stage, depth in enumerate(self.depths):
            blocks = [
                make_block(
                    stage,
                    index,
                    dims=self.num_features[stage],
                    num_heads=self.arch_settings['num_heads'][stage],
                    window=self.window_sizes[stage],
                    shifted=index % 2 == 1,
                    drop_path=next(drop_paths),
                )
                for index in range(depth)
            ]
            self.stages.append(SwinStage(blocks, self.with_cp))
        for stage in range(1, self.num_layers):
            self.stages[stage + self.merging_owner].downsample = PatchMerging(
                *self.num_features[stage - 1 : stage + 1], use_post_norm=self.merging_post_norm
            )
        self._freeze()

    @property
    def level_dims(self) -> list[int]:
        """Width of every level, which is a stage."""
        return self.num_features

    @property
    def level_strides(self) -> list[int]:
        """Pixels per token of every level."""
        return [self.patch_size * 2**stage for stage in range(self.num_layers)]

    def init_weights(self) -> None:
        """Swin's initialisation, then what ``init_cfg`` says, then a checkpoint; once."""
        if self.is_init:
            return
        with checkpoint_last(self):
            self._draw_weights()
            super().init_weights()

    def _draw_weights(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
        for name, parameter in self.named_parameters():
            if name.endswith(DRAWN):
                nn.init.trunc_normal_(parameter, std=0.02)

    def train(self, mode: bool = True) -> 'SwinEncoder':
        super().train(mode)
        self._freeze()
        return self

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images (B, C, H, W) to one map (B, C_s, h_s, w_s) for each of ``out_indices``."""
        outputs = []
        for index, maps in self._through_stages(*self.patch_embed(images), max(self.out_indices)):
            if index in self.out_indices:
                normalized = getattr(self, f'norm{index}')(maps)
                outputs.append(normalized.permute(0, 3, 1, 2).contiguous())
        return tuple(outputs)

    def forward_masked(
        self, images: torch.Tensor, masked: torch.Tensor, levels: Sequence[int]
    ) -> dict[int, torch.Tensor]:
        """See the mask token instead of the patches that are masked.

        Args:
            images: (B, C, H, W).
            masked: (B, m_h, m_w), true where hidden. A cell stands for one patch, or
                for a square of them.
            levels: Stages whose outputs are wanted.

        Returns:
            Stage -> its map (B, h_s, w_s, C_s), not normalised.
        """
        if self.mask_token is None:
            raise ValueError(
                f'{type(self).__name__}: there is no mask token to put in the place of '
                'masked patches; set with_mask_token=True.'
            )
        tokens, grid = self.patch_embed(images)
        tokens = hide_tokens(tokens, grid, masked, self.mask_token)
        stages = self._through_stages(tokens, grid, max(levels))
        return {stage: maps for stage, maps in stages if stage in levels}

    def normalize(self, tokens: torch.Tensor) -> torch.Tensor:
        """The norm of the last stage, for whoever made the last tokens."""
        return getattr(self, f'norm{self.num_layers - 1}')(tokens)

    def _through_stages(
        self, tokens: torch.Tensor, grid: Size, last: int
    ) -> Iterator[tuple[int, torch.Tensor]]:
        if self.absolute_pos_embed is not None:
            tokens = tokens + resize_pos_embed(
                self.absolute_pos_embed, self.patch_resolution, grid, self.interpolate_mode, 0
            )
        maps = self.drop_after_pos(tokens).unflatten(1, grid)
        for index, stage in enumerate(self.stages[: last + 1]):
            if index:
                merging = self.stages[index + self.merging_owner].downsample
                tokens, grid = merging(maps.flatten(1, 2), grid)
                maps = tokens.unflatten(1, grid)
            maps = stage(maps)
            yield index, maps

    def get_layer_depth(
        self, param_name: str, prefix: str = '', merging_counts: bool = False
    ) -> tuple[int, int]:
        """The depth of a parameter, and the number of depths.

        As in mmpretrain, the patch embedding has depth 0, blocks count from 1, a
        patch merging goes with the block before it, and everything else with the head.

        Args:
            param_name: Its name in the model.
            prefix: What the encoder's names begin with there.
            merging_counts: Count each patch merging as one depth more, and put mask
                token and position embedding beside the patch embedding, as in Dark
                Secrets' depth estimation.
        """
        extra = int(merging_counts)
        count = sum(self.depths) + extra * (self.num_layers - 1) + 2
        if not param_name.startswith(prefix):
            return count - 1, count
        name, *path = param_name[len(prefix) :].split('.')
        if name == 'patch_embed' or (merging_counts and name in DRAWN):
            return 0, count
        if name != 'stages':
            return count - 1, count
        stage = int(path[0])
        if path[1] == 'downsample':
            following = stage - self.merging_owner
            return sum(self.depths[:following]) + extra * following, count
        return sum(self.depths[:stage]) + extra * stage + int(path[2]) + 1, count

    def _freeze(self) -> None:
        if self.frozen_stages < 0:
            return
        norms = [f'norm{i}' for i in self.out_indices if i <= self.frozen_stages]
        frozen = [getattr(self, name) for name in norms]
        for module in (self.patch_embed, *self.stages[: self.frozen_stages + 1], *frozen):
            module.eval().requires_grad_(False)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args) -> None:
        # torch and mmengine hand over a copy, so that the caller's dict stays whole
        for name in list(state_dict):
            if name.startswith(prefix) and name.endswith(RECOMPUTED):
                del state_dict[name]
        for name, buffer in self.named_buffers():
            if name.endswith(RECOMPUTED):
                state_dict[prefix + name] = buffer
        super()._load_from_state_dict(state_dict, prefix, *args)

    def _known(self, arch: str | dict) -> dict:
        fields = set(self.arch_zoo['tiny'])
        if isinstance(arch, str) and arch.lower() in self.arch_zoo:
            return self.arch_zoo[arch.lower()]
        if isinstance(arch, str) or set(arch) != fields:
            raise ValueError(
                f'{type(self).__name__}: arch is {arch!r}; choose one of '
                f'{sorted(self.arch_zoo)}, or give a dict with {sorted(fields)}.'
            )
        return arch

    def _per_stage(self, name: str, sizes: int | Sequence[int]) -> list[int]:
        stages = len(self.arch_settings['depths'])
        sizes = [sizes] * stages if isinstance(sizes, int) else list(sizes)
        if len(sizes) != stages:
            raise ValueError(
                f'{type(self).__name__}: {name} has {len(sizes)} entries for '
                f'{stages} stages; give one number, or one for each stage.'
            )
        return sizes[: self.num_layers]


class SwinStage(nn.Module):
    """Blocks over maps (B, H, W, C), and a patch merging that the encoder calls."""

    def __init__(self, blocks: list[nn.Module], with_cp: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample: PatchMerging | None = None
        self.with_cp = with_cp

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            if self.with_cp and torch.is_grad_enabled():
                maps = checkpoint(block, maps, use_reentrant=False)
            else:
                maps = block(maps)
        return maps


def _zeros(*shape: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(shape))
