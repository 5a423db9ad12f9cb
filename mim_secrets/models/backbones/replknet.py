"""A ConvNet with very large kernels, read whole or through a mask.

Ding et al., "Scaling Up Your Kernels to 31x31", CVPR 2022; masked as SimMIM masks,
which Xie et al., "Revealing the Dark Secrets of Masked Image Modeling", CVPR 2023,
argue is what large receptive fields lack.
"""

from collections.abc import Iterator, Sequence

import torch
from mmpretrain.models import RepLKNet as MMPretrainRepLKNet
from torch import nn

from mim_secrets.checkpoint.initializer import checkpoint_last
from mim_secrets.models.patches import grid_of, hide_tokens
from mim_secrets.registry import MODELS

STEM_STRIDE = 4


@MODELS.register_module()
class RepLKNet(MMPretrainRepLKNet):
    """mmpretrain's ``RepLKNet`` with a way through a mask.

    Parameters keep mmpretrain's names. ``forward(images)`` never masks;
    ``forward_masked(images, masked, levels)`` never sees what is masked. The stem's
    convolutions overlap, so that a mask token behind it would come too late: its
    neighbours have seen the hidden pixels. These are therefore set to zero before the
    stem as well. Batch norms learn the statistics of images with holes; those of whole
    images come with fine-tuning.

    Args:
        arch: As in mmpretrain.
        img_size: What the decoder's grid is made for; images of any size may come.
        frozen_stages: How many stages are kept as they are, with the stem and all
            between them; 0 for the stem alone, -1 for none.
        with_mask_token: Needed for ``forward_masked``.
        **kwargs: Everything else that mmpretrain's class takes.
    """

    num_extra_tokens = 0  # no class token

    def __init__(
        self,
        arch: str | dict = '31B',
        *,
        img_size: int | tuple[int, int] = 224,
        frozen_stages: int = -1,
        with_mask_token: bool = False,
        **kwargs,
    ) -> None:
        super().__init__(arch, frozen_stages=frozen_stages, **kwargs)
        self.img_size = (img_size, img_size) if isinstance(img_size, int) else tuple(img_size)
        self.patch_resolution = tuple(-(-side // STEM_STRIDE) for side in self.img_size)
        self.mask_token = None
        if with_mask_token:
            self.mask_token = nn.Parameter(torch.zeros(1, 1, self.level_dims[0]))
        self._freeze_stages()
        # depthwise convolutions are faster where channels lie together
        self.to(memory_format=torch.channels_last)

    @property
    def level_dims(self) -> list[int]:
        """Width of every level, which is a stage."""
        return list(self.arch['channels'])

    @property
    def level_strides(self) -> list[int]:
        """Pixels per token of every level."""
        return [STEM_STRIDE * 2**stage for stage in range(self.num_stages)]

    def init_weights(self) -> None:
        """mmpretrain's initialisation, then a checkpoint; once."""
        if self.is_init:
            return
        with checkpoint_last(self):
            super().init_weights()
            if self.mask_token is not None:
                nn.init.normal_(self.mask_token, std=0.02)

    def train(self, mode: bool = True) -> 'RepLKNet':
        super().train(mode)
        return self  # mmpretrain's returns None, so that ``model.eval()`` is lost

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        # mmpretrain leaves what lies between frozen stages to be trained
        for transition in self.transitions[: max(self.frozen_stages - 1, 0)]:
            transition.eval().requires_grad_(False)

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images (B, C, H, W) to one map (B, C_s, h_s, w_s) for each of ``out_indices``."""
        return super().forward(images.contiguous(memory_format=torch.channels_last))

    def forward_masked(
        self, images: torch.Tensor, masked: torch.Tensor, levels: Sequence[int]
    ) -> dict[int, torch.Tensor]:
        """See zeros, and behind the stem the mask token, instead of what is masked.

        Args:
            images: (B, C, H, W).
            masked: (B, m_h, m_w), true where hidden. A cell stands for a square of
                tokens of the first stage, or for one.
            levels: Stages whose outputs are wanted.

        Returns:
            Stage -> its map (B, h_s, w_s, C_s), not normalised.
        """
        if self.mask_token is None:
            raise ValueError(
                'RepLKNet: there is no mask token to put in the place of masked patches; '
                'set with_mask_token=True.'
            )
        grid = grid_of(images, STEM_STRIDE)
        side = images.shape[-1] // masked.shape[-1]
        hidden = masked.repeat_interleave(side, 1).repeat_interleave(side, 2)
        images = images.contiguous(memory_format=torch.channels_last)
        maps = self._stem(images.masked_fill(hidden[:, None], 0))
        tokens = hide_tokens(maps.flatten(2).transpose(1, 2), grid, masked, self.mask_token)
        maps = tokens.transpose(1, 2).unflatten(2, grid)
        stages = self._through_stages(maps, max(levels))
        return {stage: maps.permute(0, 2, 3, 1) for stage, maps in stages if stage in levels}

    def normalize(self, tokens: torch.Tensor) -> torch.Tensor:
        """The last stage's batch norm, for whoever made the last tokens (B, N, C)."""
        return self.stages[-1].norm(tokens.transpose(1, 2)[..., None])[..., 0].transpose(1, 2)

    def _stem(self, images: torch.Tensor) -> torch.Tensor:
        for layer in self.stem:
            images = layer(images)
        return images

    def _through_stages(self, maps: torch.Tensor, last: int) -> Iterator[tuple[int, torch.Tensor]]:
        for index, stage in enumerate(self.stages[: last + 1]):
            if index:
                maps = self.transitions[index - 1](maps)
            maps = stage(maps)
            yield index, maps

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """The depth of a parameter, and the number of depths.

        Counted as in Swin: the stem has depth 0, pairs of a large-kernel block and the
        perceptron behind it count from 1, a transition goes with the pair before it,
        and everything else with the head.

        Args:
            param_name: Its name in the model.
            prefix: What the encoder's names begin with there.
        """
        depths = self.arch['layers']
        count = sum(depths) + 2
        if not param_name.startswith(prefix):
            return count - 1, count
        name, *path = param_name[len(prefix) :].split('.')
        if name in ('stem', 'mask_token'):
            return 0, count
        if name == 'transitions':
            return sum(depths[: int(path[0]) + 1]), count
        if name == 'stages' and path[1] == 'blocks':
            return sum(depths[: int(path[0])]) + int(path[2]) // 2 + 1, count
        return count - 1, count
