"""One class for masked image modelling: encoder, fusion, decoder, head.

Which parts are plugged in decides the method; the names under which methods are
known (``MAE``, ``MFF``) are the same class with its plan checked.
"""

from typing import NamedTuple

import torch
from mmengine.config import ConfigDict
from mmpretrain.models.selfsup.base import BaseSelfSupervisor

from mim_secrets.checkpoint.layouts import from_mmpretrain
from mim_secrets.models.patches import grid_of, scatter_patches
from mim_secrets.models.selfsup.masking import Mask
from mim_secrets.registry import MODELS

XAVIER = [
    dict(type='Xavier', layer='Linear', distribution='uniform'),
    dict(type='Constant', layer='LayerNorm', val=1.0, bias=0.0),
]


class Reconstruction(NamedTuple):
    """Pictures of one batch, each (B, C, H, W) in the space of the model's input."""

    original: torch.Tensor
    masked: torch.Tensor  # zero, the data set's mean colour, where masked
    reconstruction: torch.Tensor  # what the model says of every masked patch
    pasted: torch.Tensor  # reconstruction where masked, original elsewhere


@MODELS.register_module()
class MaskedImageModel(BaseSelfSupervisor):
    """Mask images, encode what is left, fuse levels, decode, compare with pixels.

    Parts may leave out what the encoder already knows (widths, patch size, grid).
    The decoder is called ``neck`` because mmpretrain's checkpoints call it so.

    Args:
        backbone: The encoder; it returns levels by ``forward_visible``.
        neck: The decoder.
        head: Target and loss.
        masking: What is masked.
        fusion: Levels to one stream; ``None`` hands on the last level.
        data_preprocessor: As in mmpretrain.
        init_cfg: Defaults to Xavier, as MAE has it.
    """

    def __init__(
        self,
        backbone: dict,
        neck: dict,
        head: dict,
        masking: dict,
        fusion: dict | None = None,
        data_preprocessor: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        # the registry in which mmpretrain's constructor looks is not ours
        preprocessor = dict(type='mmpretrain.SelfSupDataPreprocessor')
        preprocessor.update(data_preprocessor or {})
        encoder = MODELS.build(backbone)
        patch_size = encoder.patch_size
        channels = encoder.patch_embed.projection.in_channels
        super().__init__(
            backbone=encoder,
            neck=_build(
                neck,
                in_dims=encoder.embed_dims,
                grid=encoder.patch_resolution,
                out_dims=patch_size**2 * channels,
            ),
            head=_build(head, patch_size=patch_size),
            data_preprocessor=MODELS.build(preprocessor),
            init_cfg=XAVIER if init_cfg is None else init_cfg,
        )
        self.masking = MODELS.build(masking)
        self.fusion = fusion and _build(fusion, dims=encoder.embed_dims, depth=encoder.num_layers)
        self.levels = self.fusion.levels if self.fusion else [encoder.num_layers - 1]
        self._register_load_state_dict_pre_hook(_read_mmpretrain_names)

    def draw_mask(self, images: torch.Tensor) -> Mask:
        """A new mask for a batch (B, C, H, W)."""
        rows, columns = grid_of(images, self.backbone.patch_size)
        return self.masking(len(images), rows * columns, images.device)

    def predict_masked(self, images: torch.Tensor, mask: Mask) -> torch.Tensor:
        """Predictions (B, M, P) for the patches ``mask.masked`` of the images."""
        levels = self.backbone.forward_visible(images, mask.visible, self.levels)
        stream = self.fusion(levels) if self.fusion else levels[self.levels[-1]]
        latent = self.backbone.normalize(stream)
        return self.neck(latent, mask, grid_of(images, self.backbone.patch_size))

    def loss(
        self,
        inputs: torch.Tensor,
        data_samples: list | None = None,
        mask: Mask | None = None,
    ) -> dict[str, torch.Tensor]:
        """The loss on a new mask, or on the one that is given."""
        mask = self.draw_mask(inputs) if mask is None else mask
        predicted = self.predict_masked(inputs, mask)
        return {**self.head.loss(predicted, inputs, mask.masked), **self._shares()}

    def _shares(self) -> dict[str, torch.Tensor]:
        """The fusion's weight of each level, by the number of its block."""
        weights = self.fusion.level_weights() if self.fusion else None
        if weights is None:
            return {}
        return {
            f'fusion_level_{level:02d}': weight
            for level, weight in zip(self.levels, weights.detach(), strict=True)
        }

    def extract_feat(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The encoder's features of whole images. Nothing is ever masked here."""
        return self.backbone(inputs)

    @torch.no_grad()
    def reconstruct(self, inputs: torch.Tensor, mask: Mask | None = None) -> Reconstruction:
        """Pictures of what the model makes of a batch (B, C, H, W)."""
        mask = self.draw_mask(inputs) if mask is None else mask
        predicted = self.predict_masked(inputs, mask).float()
        patches = self.head.to_patches(predicted, inputs, mask.masked)
        nothing = torch.zeros_like(inputs)
        return Reconstruction(
            original=inputs,
            masked=scatter_patches(inputs, mask.masked, torch.zeros_like(patches)),
            reconstruction=scatter_patches(nothing, mask.masked, patches),
            pasted=scatter_patches(inputs, mask.masked, patches),
        )


@MODELS.register_module()
class MAE(MaskedImageModel):
    """Masked autoencoder: the decoder reads the encoder's last level alone."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.fusion:
            raise ValueError("MAE has no fusion: write type='MFF' for a fused model.")


@MODELS.register_module()
class MFF(MaskedImageModel):
    """MAE with multi-level feature fusion before the decoder."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not self.fusion:
            raise ValueError(
                "MFF needs a fusion, such as fusion=dict(type='MultiLevelFusion'); "
                "write type='MAE' for a model without."
            )


def _build(cfg: dict, **facts: object) -> torch.nn.Module:
    """Build a part from its config, filling in what the encoder knows."""
    return MODELS.build(ConfigDict({**facts, **cfg}))


def _read_mmpretrain_names(state_dict: dict, prefix: str, *_) -> None:
    """Rename mmpretrain's MFF parameters in place before they are loaded."""
    renamed = from_mmpretrain(state_dict, prefix)
    state_dict.clear()
    state_dict.update(renamed)
