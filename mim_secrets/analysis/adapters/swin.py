"""Our Swin and SwinV2."""

import torch
from torch import nn

from mim_secrets.analysis.adapters.places import Windows
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, grid_of
from mim_secrets.analysis.attention import Attention
from mim_secrets.models.backbones.swin_encoder import SwinEncoder
from mim_secrets.models.backbones.windows import fit_window


def fits(encoder: nn.Module) -> bool:
    return isinstance(encoder, SwinEncoder)


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'stages.{stage}.blocks.{number}',
            heads=block.attn.w_msa.num_heads,
            stride=encoder.level_strides[stage],
            stage=stage,
            block=block,
            attention=block.attn,
            mlp=block.ffn,
            projection=block.attn.w_msa.proj,
            # never called by SwinV2
            heard=block.attn.w_msa.qkv,
        )
        for stage, blocks in enumerate(encoder.stages)
        for number, block in enumerate(blocks.blocks)
    ]


def read(layer: Layer, call: Call) -> Attention:
    w_msa, windows = layer.attention.w_msa, _windows(layer, call.image_size)
    if call.heard is None:
        query, key, value = w_msa.project(windows.split(call.args[0]))
    else:
        query, key, value = w_msa.split_heads(call.heard)
    scale = query.shape[-1] ** -0.5 if w_msa.scale is None else w_msa.scale
    places = windows.places(layer.stride, query.device)
    return Attention(query * scale, key, value, w_msa.bias(windows.size), places)


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return _windows(layer, image_size).tokens(output)


def _windows(layer: Layer, image_size: Size) -> Windows:
    grid, attention = grid_of(image_size, layer.stride), layer.block.attn
    return Windows(grid, *fit_window(grid, attention.w_msa.window[0], attention.shift))
