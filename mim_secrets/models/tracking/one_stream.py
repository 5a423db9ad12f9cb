"""Template and search window as one list of tokens through all blocks of a ViT.

Ye et al., "Joint Feature Learning and Relation Modeling for Tracking: A One-Stream
Framework", ECCV 2022.
"""

import torch

from mim_secrets.models.backbones.vit import ViT
from mim_secrets.registry import MODELS

from .elimination import CandidateElimination
from .tracker import Maps, Tracker


@MODELS.register_module()
class OneStreamTracker(Tracker):
    """``ViT.forward_pair`` and a head over the search window's tokens.

    Nothing of a template can be computed beforehand: it is kept as a picture.

    Args:
        backbone: A ``mim_secrets.ViT`` without windows and relative positions.
        elimination: Options of ``CandidateElimination``; ``None`` keeps all tokens.
        **kwargs: As for ``Tracker``.
    """

    def __init__(
        self, backbone: dict, head: dict, elimination: dict | None = None, **kwargs
    ) -> None:
        super().__init__(backbone, head, **kwargs)
        encoder = self.backbone
        if not isinstance(encoder, ViT) or encoder.spatial:
            raise ValueError(
                f'OneStreamTracker: the backbone, {type(encoder).__name__}, cannot take two '
                'images as one list; give a mim_secrets.ViT with window_size=0 and '
                "relative_position='none'."
            )
        for name in ('template_size', 'search_size'):
            if getattr(self, name) % encoder.patch_size:
                raise ValueError(
                    f'OneStreamTracker: {name} is {getattr(self, name)}, which patches of '
                    f'{encoder.patch_size} pixels do not divide; give a multiple of them.'
                )
        self.elimination = None
        if elimination is not None:
            self.elimination = CandidateElimination(encoder.num_layers, **elimination)

    def encode_template(self, images: torch.Tensor) -> torch.Tensor:
        """The pictures (B, 3, h, w) themselves."""
        return images

    def search(self, template: torch.Tensor, images: torch.Tensor) -> Maps:
        """Templates (B, 3, h, w) and search windows (B, 3, H, W)."""
        if self.elimination is None:
            _, tokens = self.backbone.forward_pair(template, images)
        else:
            tokens = self.elimination(self.backbone, template, images)
        side = self.search_size // self.backbone.patch_size
        return self.head(tokens.transpose(1, 2).unflatten(2, (side, side)))
