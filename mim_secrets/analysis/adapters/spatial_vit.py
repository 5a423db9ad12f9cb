"""Our ViT with windows or relative positions."""

import torch
from torch import nn

from mim_secrets.analysis.adapters.heads import split_qkv
from mim_secrets.analysis.adapters.places import Windows, list_places, list_tokens
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, grid_of
from mim_secrets.analysis.attention import Attention
from mim_secrets.models.backbones.vit import ViT


def fits(encoder: nn.Module) -> bool:
    return isinstance(encoder, ViT) and encoder.spatial


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'layers.{number}',
            heads=block.attn.num_heads,
            stride=encoder.patch_size,
            stage=0,
            # the block itself is never called, and the perceptron adds the shortcut
            block=block.ffn,
            attention=block.attn,
            mlp=block.ffn.dropout_layer,
            projection=block.attn.proj,
            heard=block.attn.qkv,
        )
        for number, block in enumerate(encoder.layers)
    ]


def read(layer: Layer, call: Call) -> Attention:
    attention, grid = layer.attention, call.args[1]
    if attention.side:
        windows = Windows(grid, attention.window)
        qkv, seen = call.heard.unflatten(0, (-1, windows.count)), attention.window
        places = windows.places(layer.stride, qkv.device)
    else:
        qkv, seen = call.heard[:, None], grid
        places = list_places(grid, layer.stride, qkv.shape[2], qkv.device)
    query, key, value = split_qkv(qkv, layer.heads)
    bias = None
    if attention.relative_position == 'decomposed':
        bias = attention._decomposed_bias(query.flatten(0, 1), seen)
        bias = bias.unflatten(0, query.shape[:2])
    elif attention.relative_position == 'table':
        bias = attention._table_bias(seen)
    return Attention(query * query.shape[-1] ** -0.5, key, value, bias, places)


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return list_tokens(output, grid_of(image_size, layer.stride))
