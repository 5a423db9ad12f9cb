"""BEiT of mmpretrain and of timm."""

import torch
from mmpretrain.models import BEiTViT
from torch import nn

from mim_secrets.analysis.adapters.heads import project, split_qkv, table_bias
from mim_secrets.analysis.adapters.places import list_places, list_tokens
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, class_names, grid_of
from mim_secrets.analysis.attention import Attention


def fits(encoder: nn.Module) -> bool:
    return isinstance(encoder, BEiTViT) or 'timm.models.beit.Beit' in class_names(encoder)


def layers(encoder: nn.Module) -> list[Layer]:
    ours = isinstance(encoder, BEiTViT)
    blocks = encoder.layers if ours else encoder.blocks
    convolution = encoder.patch_embed.projection if ours else encoder.patch_embed.proj
    return [
        Layer(
            name=f'{"layers" if ours else "blocks"}.{number}',
            heads=block.attn.num_heads,
            stride=convolution.stride[0],
            stage=0,
            block=block,
            attention=block.attn,
            mlp=block.ffn.dropout_layer if ours else block.mlp,
            projection=block.attn.proj,
        )
        for number, block in enumerate(blocks)
    ]


def read(layer: Layer, call: Call) -> Attention:
    attention = layer.attention
    query, key, value = split_qkv(project(attention, call.args[0][:, None]), layer.heads)
    # of all layers together, or of this one
    bias = call.kwargs.get('rel_pos_bias', call.kwargs.get('shared_rel_pos_bias'))
    if attention.relative_position_bias_table is not None:
        own = table_bias(attention.relative_position_bias_table, attention.relative_position_index)
        bias = own if bias is None else own + bias
    grid = grid_of(call.image_size, layer.stride)
    places = list_places(grid, layer.stride, query.shape[-2], query.device)
    return Attention(query * attention.scale, key, value, bias, places)


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return list_tokens(output, grid_of(image_size, layer.stride))
