"""mmpretrain's MFF and ours at the usual sizes, with the same weights.

Whoever imports this has imported ``mim_secrets`` first, as torchvision needs.
"""

import copy
from dataclasses import dataclass

import torch
from mmpretrain.models.selfsup.mff import MFF as TheirMFF

from mim_secrets.models import MFF, default_levels


@dataclass(frozen=True)
class Size:
    """A model, and the batch with which two slow cores still finish in minutes."""

    name: str
    arch: str | dict
    width: int
    decoder_width: int
    decoder_heads: int
    batch: int
    decoder_depth: int = 8
    image: int = 224
    levels: tuple[int, ...] = tuple(default_levels(12))


SIZES = {
    'small': Size('small', 'deit-small', 384, 384, 12, batch=16),
    'base': Size('base', 'base', 768, 512, 16, batch=8),
}


def build_pair(size: Size) -> tuple[TheirMFF, MFF]:
    """mmpretrain's model and ours, with the same weights."""
    encoder = dict(arch=size.arch, img_size=size.image, out_type='raw')
    decoder = dict(
        decoder_embed_dim=size.decoder_width,
        decoder_depth=size.decoder_depth,
        decoder_num_heads=size.decoder_heads,
    )
    theirs = TheirMFF(
        backbone=dict(type='mmpretrain.MFFViT', out_indices=[*size.levels], **encoder),
        neck=dict(
            type='mmpretrain.MAEPretrainDecoder',
            num_patches=(size.image // 16) ** 2,
            embed_dim=size.width,
            **decoder,
        ),
        head=dict(
            type='mmpretrain.MAEPretrainHead',
            norm_pix=True,
            loss=dict(type='mmpretrain.PixelReconstructionLoss', criterion='L2'),
        ),
        data_preprocessor=dict(type='mmpretrain.SelfSupDataPreprocessor'),
    )
    ours = MFF(
        backbone=dict(type='mim_secrets.ViT', position='sincos', **encoder),
        fusion=dict(type='mim_secrets.MultiLevelFusion', levels=size.levels),
        neck=dict(
            type='mim_secrets.MAEDecoder',
            dims=size.decoder_width,
            depth=size.decoder_depth,
            num_heads=size.decoder_heads,
        ),
        head=dict(type='mim_secrets.PixelHead'),
        masking=dict(type='mim_secrets.RandomMasking', ratio=0.75),
    )
    theirs.init_weights()
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def compiled_twin(model: MFF) -> MFF:
    """The same parameters behind a compiled ``predict_masked``."""
    twin = copy.copy(model)
    twin.predict_masked = torch.compile(model.predict_masked)
    return twin
