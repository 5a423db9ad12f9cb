"""One small encoder of every family that adapters know."""

import importlib
from collections.abc import Callable

import torch
from mmpretrain.models import (
    BEiTViT,
    DeiT3,
    DistilledVisionTransformer,
    SwinTransformer,
    SwinTransformerV2,
    VisionTransformer,
    ViTSAM,
)
from torch import nn

from mim_secrets.analysis.adapters.protocol import Size
from mim_secrets.models.backbones.swin import Swin
from mim_secrets.models.backbones.swin_v2 import SwinV2
from mim_secrets.models.backbones.vit import ViT

Make = Callable[[], nn.Module]

PLAIN = dict(embed_dims=12, num_layers=2, num_heads=3, feedforward_channels=24)
PYRAMID = dict(embed_dims=8, depths=[2, 1], num_heads=[2, 4])
ONE_STAGE = dict(embed_dims=8, depths=[2], num_heads=[2])
PYRAMID_V2 = dict(**PYRAMID, extra_norm_every_n_blocks=0)
TIMM = dict(embed_dim=12, depth=2, num_heads=3, patch_size=8)
TIMM_PYRAMID = dict(embed_dim=8, depths=(2, 1), num_heads=(2, 4))
HF = dict(hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=24)
HF_PYRAMID = dict(embed_dim=8, depths=[2, 1], num_heads=[2, 4], window_size=3)


def plain(kind: type, **options) -> Make:
    return lambda: kind(PLAIN, img_size=32, patch_size=8, **options)


def spatial(**options) -> Make:
    options = dict(with_cls_token=False, out_type='tokens', **options)
    return plain(ViT, global_blocks=[1] if options.get('window_size') else [], **options)


def pyramid(kind: type, **options) -> Make:
    arch = PYRAMID_V2 if kind in (SwinV2, SwinTransformerV2) else PYRAMID
    return lambda: kind(arch, img_size=32, window_size=3, out_indices=(1,), **options)


def other(path: str, **options) -> Make:
    """Of a package that need not be there."""

    def make() -> nn.Module:
        package, name = path.rsplit('.', 1)
        return getattr(importlib.import_module(package), name)(**options)

    return make


def timm_pyramid(version: str, size: Size, **options) -> Make:
    path = f'timm.models.swin_transformer{"_v2" * (version == "V2")}.SwinTransformer{version}'
    return other(path, img_size=size, **TIMM_PYRAMID, **dict(window_size=3, **options))


def hugging(name: str, **options) -> Make:
    def make() -> nn.Module:
        transformers = importlib.import_module('transformers')
        config = getattr(transformers, f'{name}Config')(**options)
        return getattr(transformers, f'{name}Model')(config)

    return make


# What is made, and the images that it is given. Maps of Swins have 5 x 7 and 3 x 4 tokens,
# so that windows of 3 need padding, or fewer tokens than a window is long.
ODD = (20, 28)
ENCODERS: dict[str, tuple[Make, Size]] = {
    'mmpretrain-vit': (plain(VisionTransformer), (32, 48)),
    'mmpretrain-vit-padded': (plain(VisionTransformer), (30, 45)),
    'deit-distilled': (plain(DistilledVisionTransformer), (32, 32)),
    'deit3': (plain(DeiT3), (32, 32)),
    'ours-vit': (plain(ViT), (32, 48)),
    'ours-vit-windows': (spatial(window_size=3), (32, 40)),
    'ours-vit-decomposed': (spatial(window_size=3, relative_position='decomposed'), (32, 40)),
    'ours-vit-table': (spatial(window_size=3, relative_position='table'), (32, 40)),
    'ours-vit-table-class': (plain(ViT, relative_position='table'), (32, 48)),
    'sam': (
        lambda: ViTSAM(dict(**PLAIN, global_attn_indexes=[1]), 32, 8, window_size=3),
        (32, 40),
    ),
    'beit': (plain(BEiTViT, layer_scale_init_value=0), (32, 32)),
    'beit-shared': (
        plain(
            BEiTViT,
            use_rel_pos_bias=False,
            use_shared_rel_pos_bias=True,
            bias=True,
            layer_scale_init_value=0,
        ),
        (32, 32),
    ),
    'ours-swin': (pyramid(Swin), ODD),
    'ours-swin-cut': (pyramid(Swin), (20, 8)),
    'ours-swin-v2': (pyramid(SwinV2), ODD),
    'ours-swin-v2-cut': (pyramid(SwinV2), (20, 8)),
    'mmpretrain-swin': (pyramid(SwinTransformer), ODD),
    'mmpretrain-swin-covered': (
        lambda: SwinTransformer(ONE_STAGE, img_size=32, window_size=3, out_indices=(0,)),
        (12, 28),
    ),
    'mmpretrain-swin-small': (pyramid(SwinTransformer, pad_small_map=True), (12, 28)),
    'mmpretrain-swin-v2': (pyramid(SwinTransformerV2), ODD),
    'timm-vit': (
        other(
            'timm.models.vision_transformer.VisionTransformer',
            img_size=(32, 48),
            reg_tokens=2,
            qk_norm=True,
            **TIMM,
        ),
        (32, 48),
    ),
    'timm-beit': (
        other('timm.models.beit.Beit', img_size=(32, 48), use_rel_pos_bias=True, **TIMM),
        (32, 48),
    ),
    'timm-beit-both': (
        other(
            'timm.models.beit.Beit',
            img_size=(32, 48),
            use_rel_pos_bias=True,
            use_shared_rel_pos_bias=True,
            **TIMM,
        ),
        (32, 48),
    ),
    'timm-swin': (timm_pyramid('', ODD), ODD),
    'timm-swin-small': (timm_pyramid('', (8, 28), always_partition=True), (8, 28)),
    'timm-swin-v2': (timm_pyramid('V2', ODD), ODD),
    'timm-swin-v2-dynamic': (timm_pyramid('V2', 24, strict_img_size=False), (28, 20)),
    'huggingface-vit': (hugging('ViT', image_size=(32, 48), patch_size=8, **HF), (32, 48)),
    'huggingface-deit': (
        hugging('DeiT', image_size=(32, 48), patch_size=8, attn_implementation='eager', **HF),
        (32, 48),
    ),
    'huggingface-swin': (hugging('Swin', image_size=ODD, **HF_PYRAMID), ODD),
    'huggingface-swin-v2': (hugging('Swinv2', image_size=ODD, **HF_PYRAMID), ODD),
}


def encoder_and_images(name: str) -> tuple[nn.Module, torch.Tensor]:
    """With random values in all parameters: tables, biases and scales of zeros, or all
    alike, would hide that they are not read."""
    make, size = ENCODERS[name]
    encoder = make()
    encoder.eval()  # of some of mmpretrain's it returns None
    generator = torch.Generator().manual_seed(0)
    for key, parameter in encoder.named_parameters():
        if 'logit_scale' in key:
            parameter.data.uniform_(0.5, 2.5, generator=generator)
        else:
            parameter.data.normal_(std=0.3, generator=generator)
    return encoder, torch.randn(2, 3, *size, generator=generator)
