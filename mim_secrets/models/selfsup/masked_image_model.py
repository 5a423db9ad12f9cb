"""One class for masked image modelling: encoder, fusion, decoder, head.

Which parts are plugged in decides the method; the names under which methods are
known (``MAE``, ``MFF``) are the same class with its plan checked.
"""

from typing import NamedTuple

import torch
from mmengine.config import ConfigDict
from mmpretrain.models.selfsup.base import BaseSelfSupervisor

from mim_secrets.checkpoint.layouts import from_mmpretrain
from mim_secrets.models.heads.targets import LowPassTarget
from mim_secrets.models.patches import grid_of, scatter_patches
from mim_secrets.models.selfsup.masking import Mask
from mim_secrets.registry import MODELS

XAVIER = [
    dict(type='Xavier', layer='Linear', distribution='uniform'),
    dict(type='Constant', layer='LayerNorm', val=1.0, bias=0.0),
]

CHANNELS = 3  # of the images


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
        backbone: The encoder; it returns levels by ``forward_visible`` to a decoder
            that fills in the masked patches, by ``forward_masked`` to one that reads
            the whole map.
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
        # what a token of the last level stands for is what is masked and predicted
        patch_size = encoder.level_strides[-1]
        first_grid = encoder.patch_resolution
        merged = patch_size // encoder.level_strides[0]
        super().__init__(
            backbone=encoder,
            neck=_build(
                neck,
                in_dims=encoder.level_dims[-1],
                grid=tuple(size // merged for size in first_grid),
                out_dims=patch_size**2 * CHANNELS,
            ),
            head=_build(head, patch_size=patch_size),
            data_preprocessor=MODELS.build(preprocessor),
            init_cfg=XAVIER if init_cfg is None else init_cfg,
        )
        self.patch_size = patch_size
        self.masking = MODELS.build(masking)
        self.fusion = fusion and _build(
            fusion, dims=encoder.level_dims, strides=encoder.level_strides
        )
        self.levels = self.fusion.levels if self.fusion else [len(encoder.level_dims) - 1]
        self._register_load_state_dict_pre_hook(_read_mmpretrain_names)

    def draw_mask(self, images: torch.Tensor) -> Mask:
        """New masks for a batch (B, C, H, W), one or more for each image."""
        return self.masking(len(images), self.grid(images), images.device)

    def grid(self, images: torch.Tensor) -> tuple[int, int]:
        """Rows and columns of the patches of images (B, C, H, W)."""
        return grid_of(images, self.patch_size)

    def encode(self, images: torch.Tensor, mask: Mask) -> torch.Tensor:
        """What the decoder reads: one stream (B, E + V or E + N, D), or several."""
        if self.neck.reads == 'visible':
            levels = self.backbone.forward_visible(images, mask.visible, self.levels)
        else:
            masked = mask.binary().unflatten(1, self.grid(images))
            levels = self.backbone.forward_masked(images, masked, self.levels)
        last = levels[self.levels[-1]]
        # the last level of a pyramid is a map (B, h, w, D)
        stream = self.fusion(levels) if self.fusion else last.flatten(1, -2)
        return self.backbone.normalize(stream)

    def predict_masked(self, images: torch.Tensor, mask: Mask) -> torch.Tensor:
        """Predictions (B, Q, P) for the patches ``mask.asked`` of the images."""
        return self.neck(self.encode(images, mask), mask, self.grid(images))

    def loss(
        self,
        inputs: torch.Tensor,
        data_samples: list | None = None,
        mask: Mask | None = None,
    ) -> dict[str, torch.Tensor]:
        """The loss on new masks, or on the one that is given."""
        mask = self.draw_mask(inputs) if mask is None else mask
        if len(mask.visible) > len(inputs):
            inputs = inputs.repeat_interleave(len(mask.visible) // len(inputs), dim=0)
        predicted = self.predict_masked(inputs, mask)
        return {**self.head.loss(predicted, inputs, mask.asked), **self._shares()}

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
        """Pictures of what the model makes of a batch (B, C, H, W), all of it."""
        mask = self.draw_mask(inputs)[:2] if mask is None else mask[:2]
        mask = Mask(*(ids[:: len(ids) // len(inputs)] for ids in mask))
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
    """Any of these methods with multi-level feature fusion before the decoder."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not self.fusion:
            raise ValueError(
                "MFF needs a fusion, such as fusion=dict(type='MultiLevelFusion'); "
                "write type='MAE' for a model without."
            )


@MODELS.register_module()
class PixMIM(MaskedImageModel):
    """MAE that is asked for the coarse content of patches, not for their detail."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if not isinstance(self.head.change, LowPassTarget):
            raise ValueError(
                "PixMIM needs head=dict(type='PixelHead', target=dict(type='LowPassTarget')); "
                "write type='MAE' for a model without."
            )


@MODELS.register_module()
class SimMIM(MaskedImageModel):
    """The encoder sees the whole map, with mask tokens in it, and does all the work."""

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        if self.neck.reads != 'whole':
            raise ValueError(
                'SimMIM needs a decoder that reads the whole map, such as '
                "neck=dict(type='SimMIMDecoder'); write type='MAE' for the other kind."
            )


def _build(cfg: dict, **facts: object) -> torch.nn.Module:
    """Build a part from its config, filling in what the encoder knows."""
    return MODELS.build(ConfigDict({**facts, **cfg}))


def _read_mmpretrain_names(state_dict: dict, prefix: str, *_) -> None:
    """Rename mmpretrain's MFF parameters in place before they are loaded."""
    renamed = from_mmpretrain(state_dict, prefix)
    state_dict.clear()
    state_dict.update(renamed)
