"""mmpretrain's ViT of Segment Anything: windows and decomposed relative positions."""

import torch
from mmpretrain.models import ViTSAM
from mmpretrain.models.backbones.vit_sam import get_rel_pos
from torch import nn

from mim_secrets.analysis.adapters.heads import split_qkv
from mim_secrets.analysis.adapters.places import Windows
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, grid_of
from mim_secrets.analysis.attention import Attention


def fits(encoder: nn.Module) -> bool:
    return isinstance(encoder, ViTSAM)


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'layers.{number}',
            heads=block.attn.num_heads,
            stride=encoder.patch_embed.projection.stride[0],
            stage=0,
            block=block,
            attention=block.attn,
            mlp=block.ffn.dropout_layer,
            projection=block.attn.proj,
            heard=block.attn.qkv,
        )
        for number, block in enumerate(encoder.layers)
    ]


def read(layer: Layer, call: Call) -> Attention:
    attention, windows = layer.attention, _windows(layer, call.image_size)
    qkv = call.heard.flatten(1, 2).unflatten(0, (-1, windows.count))
    query, key, value = split_qkv(qkv, layer.heads)
    bias = None
    if attention.use_rel_pos:
        tables = (attention.rel_pos_h, attention.rel_pos_w)
        down, across = (get_rel_pos(n, n, table) for n, table in zip(windows.size, tables))
        maps = query.unflatten(-2, windows.size)
        rows = torch.einsum('...hwc,hkc->...hwk', maps, down)
        columns = torch.einsum('...hwc,wkc->...hwk', maps, across)
        bias = (rows[..., :, None] + columns[..., None, :]).flatten(-2).flatten(-3, -2)
    places = windows.places(layer.stride, qkv.device)
    return Attention(query * attention.scale, key, value, bias, places)


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return _windows(layer, image_size).tokens(output)


def _windows(layer: Layer, image_size: Size) -> Windows:
    grid, side = grid_of(image_size, layer.stride), layer.block.window_size
    return Windows(grid, (side, side) if side else grid)
