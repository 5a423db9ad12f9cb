"""timm's ViT, also DeiT and DINOv2; timm need not be there."""

import torch
from torch import nn

from mim_secrets.analysis.adapters.heads import split_qkv
from mim_secrets.analysis.adapters.places import list_places, list_tokens
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, class_names, grid_of
from mim_secrets.analysis.attention import Attention

FAMILY = 'timm.models.vision_transformer.VisionTransformer'
# Where the attention was defined at one time or another.
ATTENTIONS = {
    'timm.layers.attention.Attention',
    'timm.models.vision_transformer.Attention',
}


def fits(encoder: nn.Module) -> bool:
    # a subclass of the attention computes something else, some blocks have none
    return FAMILY in class_names(encoder) and all(
        class_names(getattr(block, 'attn', None))[0] in ATTENTIONS for block in encoder.blocks
    )


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'blocks.{number}',
            heads=block.attn.num_heads,
            stride=encoder.patch_embed.feat_ratio(),
            stage=0,
            block=block,
            attention=block.attn,
            mlp=block.mlp,
            projection=block.attn.proj,
            heard=block.attn.qkv,
        )
        for number, block in enumerate(encoder.blocks)
    ]


def read(layer: Layer, call: Call) -> Attention:
    attention = layer.attention
    query, key, value = split_qkv(call.heard[:, None], layer.heads)
    query, key = attention.q_norm(query), attention.k_norm(key)
    grid = grid_of(call.image_size, layer.stride)
    places = list_places(grid, layer.stride, query.shape[-2], query.device)
    return Attention(query * attention.scale, key, value, None, places)


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return list_tokens(output, grid_of(image_size, layer.stride))
