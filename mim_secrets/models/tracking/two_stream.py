"""A tracker that encodes template and search window each alone, and then both together.

Lin et al., "SwinTrack: A Simple and Strong Baseline for Transformer Tracking", NeurIPS
2022, without the token of past movements that its last version adds; with other encoders
it is the tracker of Xie et al., "Revealing the Dark Secrets of Masked Image Modeling",
CVPR 2023.
"""

import torch

from mim_secrets.registry import MODELS

from .tracker import Maps, Tracker, hann


@MODELS.register_module()
class TwoStreamTracker(Tracker):
    """One encoder for both pictures, a fusion of their tokens, and a head.

    A template is encoded once; its tokens are what is kept of it.

    Args:
        backbone: An encoder that returns one map, that of its last level. The paper's is
            the third stage of a Swin: ``drop_last`` leaves out the fourth.
        fusion: Such as ``mim_secrets.PairFusion``, without what the encoder knows
            (``in_dims``, ``template_grid``, ``search_grid``).
        head: Such as ``mim_secrets.OverlapHead``.
        window_penalty: Scores of cells become ``score * (1 - p) + hann * p`` when a thing
            is followed.
        **kwargs: As for ``Tracker``.
    """

    def __init__(
        self,
        backbone: dict,
        fusion: dict,
        head: dict,
        *,
        window_penalty: float = 0.49,
        **kwargs,
    ) -> None:
        super().__init__(backbone, head, window_penalty=window_penalty, **kwargs)
        level = len(self.backbone.level_dims) - 1
        if tuple(self.backbone.out_indices) != (level,):
            raise ValueError(
                f'TwoStreamTracker: the encoder puts out levels {tuple(self.backbone.out_indices)} '
                f'of 0 to {level}, but only its last is read, and the others would have parameters '
                'that are never trained; name one in out_indices, and set drop_last to the number '
                'of blocks behind it.'
            )
        stride = self.backbone.level_strides[level]
        grids = {f'{key}_grid': self._grid(f'{key}_size', stride) for key in ('template', 'search')}
        self.fusion = MODELS.build(dict(in_dims=self.backbone.level_dims[level], **grids, **fusion))

    def encode_template(self, images: torch.Tensor) -> torch.Tensor:
        """Templates (B, 3, h, w) to their tokens (B, N, C)."""
        return self.fusion.template_tokens(self.backbone(images)[-1])

    def search(self, template: torch.Tensor, images: torch.Tensor) -> Maps:
        """Look for templates (B, N, C) in windows (B, 3, H, W)."""
        search = self.fusion.search_tokens(self.backbone(images)[-1])
        return self.head(self.fusion(template, search))

    def preferred(self, score: torch.Tensor) -> torch.Tensor:
        """Scores (B, H, W) mixed with how near a cell is to where the thing was."""
        return score * (1 - self.window_penalty) + hann(score) * self.window_penalty

    def _grid(self, name: str, stride: int) -> tuple[int, int]:
        """Rows and columns of the map of an image as large as ``name`` says."""
        size = getattr(self, name)
        if size % stride:
            raise ValueError(
                f'TwoStreamTracker: {name} is {size}, but a cell of the map that is read has '
                f'{stride} pixels; give a multiple of that.'
            )
        return size // stride, size // stride
