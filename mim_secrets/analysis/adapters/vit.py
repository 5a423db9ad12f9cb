"""mmpretrain's ViT, also DeiT and DeiT-3, and ours where it attends to a plain list."""

import torch
from mmpretrain.models import VisionTransformer
from mmpretrain.models.utils import MultiheadAttention
from torch import nn

from mim_secrets.analysis.adapters.heads import split_qkv
from mim_secrets.analysis.adapters.places import list_places, list_tokens
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, grid_of
from mim_secrets.analysis.attention import Attention


def fits(encoder: nn.Module) -> bool:
    # a subclass of the attention computes something else
    return isinstance(encoder, VisionTransformer) and all(
        type(block.attn) is MultiheadAttention for block in encoder.layers
    )


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'layers.{number}',
            heads=block.attn.num_heads,
            stride=encoder.patch_embed.projection.stride[0],
            stage=0,
            block=block,
            attention=block.attn,
            # the perceptron's own output has the shortcut in it
            mlp=block.ffn.dropout_layer,
            projection=block.attn.proj,
            heard=block.attn.qkv,
        )
        for number, block in enumerate(encoder.layers)
    ]


def read(layer: Layer, call: Call) -> Attention:
    query, key, value = split_qkv(call.heard[:, None], layer.heads)
    grid = grid_of(call.image_size, layer.stride)
    places = list_places(grid, layer.stride, query.shape[-2], query.device)
    return Attention(query * query.shape[-1] ** -0.5, key, value, None, places)


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return list_tokens(output, grid_of(image_size, layer.stride))
