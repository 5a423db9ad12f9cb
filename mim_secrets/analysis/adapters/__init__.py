"""How attention is read from encoders of every known family."""

from torch import nn

from mim_secrets.analysis.adapters import (
    beit,
    huggingface_swin,
    huggingface_vit,
    mmpretrain_swin,
    spatial_vit,
    swin,
    timm_swin,
    timm_vit,
    vit,
    vit_sam,
)
from mim_secrets.analysis.adapters.protocol import Adapter

# The first that fits is taken.
ADAPTERS: list[Adapter] = [
    vit,
    spatial_vit,
    swin,
    mmpretrain_swin,
    beit,
    vit_sam,
    timm_vit,
    timm_swin,
    huggingface_vit,
    huggingface_swin,
]


class UnknownFamilyError(ValueError):
    """No adapter fits an encoder."""


def find_adapter(encoder: nn.Module) -> Adapter:
    """The adapter of an encoder's family."""
    for adapter in ADAPTERS:
        if adapter.fits(encoder):
            return adapter
    kind = f'{type(encoder).__module__}.{type(encoder).__qualname__}'
    raise UnknownFamilyError(
        f'No adapter reads the attention of {kind}; write one of about twenty lines as '
        'docs/en/analysis.md shows, and append it to '
        'mim_secrets.analysis.adapters.ADAPTERS.'
    )
