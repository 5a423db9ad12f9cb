"""mmpretrain's Swin and SwinV2."""

import torch
from mmpretrain.models import SwinTransformer, SwinTransformerV2
from mmpretrain.models.utils.attention import WindowMSAV2
from torch import nn

from mim_secrets.analysis.adapters.heads import (
    cosines,
    offset_bias,
    project,
    split_qkv,
    table_bias,
)
from mim_secrets.analysis.adapters.places import Windows
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, grid_of
from mim_secrets.analysis.attention import Attention


def fits(encoder: nn.Module) -> bool:
    return isinstance(encoder, SwinTransformer | SwinTransformerV2)


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'stages.{stage}.blocks.{number}',
            heads=block.attn.w_msa.num_heads,
            stride=encoder.patch_embed.projection.stride[0] * 2**stage,
            stage=stage,
            block=block,
            attention=block.attn,
            mlp=block.ffn.dropout_layer,
            projection=block.attn.w_msa.proj,
            # never called by SwinV2
            heard=block.attn.w_msa.qkv,
        )
        for stage, blocks in enumerate(encoder.stages)
        for number, block in enumerate(blocks.blocks)
    ]


def read(layer: Layer, call: Call) -> Attention:
    w_msa, windows = layer.attention.w_msa, _windows(layer, call.image_size)
    index = w_msa.relative_position_index
    if isinstance(w_msa, WindowMSAV2):
        maps = call.args[0].unflatten(1, windows.grid)
        query, key, value = split_qkv(project(w_msa, windows.split(maps)), layer.heads)
        query, key = cosines(query, key, w_msa.logit_scale)
        bias = offset_bias(w_msa.cpb_mlp, w_msa.relative_coords_table, index)
    else:
        qkv = call.heard.unflatten(0, (-1, windows.count))
        query, key, value = split_qkv(qkv, layer.heads)
        query = query * w_msa.scale
        bias = table_bias(w_msa.relative_position_bias_table, index)
    return Attention(query, key, value, bias, windows.places(layer.stride, query.device))


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return _windows(layer, image_size).tokens(output)


def _windows(layer: Layer, image_size: Size) -> Windows:
    grid, attention = grid_of(image_size, layer.stride), layer.block.attn
    # one axis that a window covers is enough to shift none
    covered = min(grid) == attention.window_size and not attention.pad_small_map
    shift = 0 if covered else attention.shift_size
    return Windows(grid, (attention.window_size,) * 2, (shift, shift))
