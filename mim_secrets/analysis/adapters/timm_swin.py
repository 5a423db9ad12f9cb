"""timm's Swin and SwinV2; timm need not be there."""

import torch
from torch import nn

from mim_secrets.analysis.adapters.heads import (
    cosines,
    offset_bias,
    project,
    split_qkv,
    table_bias,
)
from mim_secrets.analysis.adapters.places import Windows
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, class_names, grid_of
from mim_secrets.analysis.attention import Attention

FAMILIES = {
    'timm.models.swin_transformer.SwinTransformer',
    'timm.models.swin_transformer_v2.SwinTransformerV2',
}


def fits(encoder: nn.Module) -> bool:
    return not FAMILIES.isdisjoint(class_names(encoder))


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'layers.{stage}.blocks.{number}',
            heads=block.attn.num_heads,
            stride=encoder.patch_embed.feat_ratio() * 2**stage,
            stage=stage,
            block=block,
            attention=block.attn,
            mlp=block.mlp,
            projection=block.attn.proj,
            # never called by SwinV2
            heard=block.attn.qkv,
        )
        for stage, blocks in enumerate(encoder.layers)
        for number, block in enumerate(blocks.blocks)
    ]


def read(layer: Layer, call: Call) -> Attention:
    attention, windows = layer.attention, _windows(layer, call.image_size)
    index = attention.relative_position_index
    qkv = project(attention, call.args[0]) if call.heard is None else call.heard
    query, key, value = split_qkv(qkv.unflatten(0, (-1, windows.count)), layer.heads)
    if hasattr(attention, 'cpb_mlp'):
        query, key = cosines(query, key, attention.logit_scale)
        bias = offset_bias(attention.cpb_mlp, attention.relative_coords_table, index)
    else:
        query = query * attention.scale
        bias = table_bias(attention.relative_position_bias_table, index)
    return Attention(query, key, value, bias, windows.places(layer.stride, query.device))


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return _windows(layer, image_size).tokens(output)


def _windows(layer: Layer, image_size: Size) -> Windows:
    grid, block = grid_of(image_size, layer.stride), layer.block
    return Windows(grid, tuple(block.window_size), tuple(block.shift_size), roll_first=True)
