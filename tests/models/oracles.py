"""mmpretrain's own models, and how to make them see the mask that ours sees."""

import torch
from mmpretrain.models.selfsup.mae import MAE as TheirMAE
from mmpretrain.models.selfsup.mff import MFF as TheirMFF

from mim_secrets.models import MAE, MFF, Mask, MaskedImageModel, default_levels

XAVIER = [
    dict(type='Xavier', layer='Linear', distribution='uniform'),
    dict(type='Constant', layer='LayerNorm', val=1.0, bias=0.0),
]
WIDTHS = {'deit-small': (384, 384, 12), 'base': (768, 512, 16), 'deit-tiny': (192, 96, 3)}


def ours(method: str, arch: str, *, img_size: int = 224, depth: int = 8, **overrides):
    """Our MAE or MFF at one of the usual sizes, or with a part overridden."""
    _, dims, heads = WIDTHS[arch]
    cfg = dict(
        backbone=dict(
            type='mim_secrets.ViT',
            arch=arch,
            img_size=img_size,
            position='sincos',
            out_type='raw',
        ),
        neck=dict(type='mim_secrets.MAEDecoder', dims=dims, depth=depth, num_heads=heads),
        head=dict(type='mim_secrets.PixelHead'),
        masking=dict(type='mim_secrets.RandomMasking', ratio=0.75),
    )
    if method == 'MFF':
        cfg['fusion'] = dict(type='mim_secrets.MultiLevelFusion')
    cfg.update(overrides)
    return {'MAE': MAE, 'MFF': MFF}[method](**cfg)


def theirs(method: str, arch: str, *, img_size: int = 224, depth: int = 8):
    """mmpretrain's MAE or MFF of the same size."""
    width, dims, heads = WIDTHS[arch]
    backbone = dict(type='mmpretrain.MAEViT', arch=arch, img_size=img_size)
    if method == 'MFF':
        backbone.update(type='mmpretrain.MFFViT', out_indices=default_levels(12))
    return {'MAE': TheirMAE, 'MFF': TheirMFF}[method](
        backbone=backbone,
        neck=dict(
            type='mmpretrain.MAEPretrainDecoder',
            num_patches=(img_size // 16) ** 2,
            embed_dim=width,
            decoder_embed_dim=dims,
            decoder_depth=depth,
            decoder_num_heads=heads,
        ),
        head=dict(
            type='mmpretrain.MAEPretrainHead',
            norm_pix=True,
            loss=dict(type='mmpretrain.PixelReconstructionLoss', criterion='L2'),
        ),
        data_preprocessor=dict(type='mmpretrain.SelfSupDataPreprocessor'),
        init_cfg=XAVIER,
    )


def show_mask(their_model: torch.nn.Module, mask: Mask) -> None:
    """Make mmpretrain's encoder mask what ``mask`` masks."""
    order = torch.cat([mask.visible, mask.masked], dim=1)

    def given_masking(tokens: torch.Tensor, _ratio: float):
        index = mask.visible[..., None].expand(-1, -1, tokens.shape[-1])
        return tokens.gather(1, index), mask.binary().float(), order.argsort(dim=1)

    their_model.backbone.random_masking = given_masking


def shake(model: torch.nn.Module) -> None:
    """Give every trainable parameter a value that no initialiser gives it."""
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator)
                parameter.add_(noise, alpha=0.02)


def gradients(model: MaskedImageModel | torch.nn.Module, loss: torch.Tensor):
    """Name -> gradient of every trainable parameter; a missing one is an error."""
    loss.backward()
    trainable = {n: p for n, p in model.named_parameters() if p.requires_grad}
    missing = [name for name, parameter in trainable.items() if parameter.grad is None]
    assert not missing, f'no gradient reaches {missing}'
    return {name: parameter.grad for name, parameter in trainable.items()}
