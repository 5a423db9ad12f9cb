"""Hugging Face's Swin and Swinv2; transformers need not be there.

Queries, keys and values are three layers there: they are computed a second time.
"""

import torch
from torch import nn

from mim_secrets.analysis.adapters.heads import cosines, offset_bias, split_heads, table_bias
from mim_secrets.analysis.adapters.places import Windows
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, class_names, grid_of
from mim_secrets.analysis.attention import Attention

FAMILIES = {
    'transformers.models.swin.modeling_swin.SwinModel',
    'transformers.models.swinv2.modeling_swinv2.Swinv2Model',
}


def fits(encoder: nn.Module) -> bool:
    return not FAMILIES.isdisjoint(class_names(encoder))


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'encoder.layers.{stage}.blocks.{number}',
            heads=block.attention.self.num_attention_heads,
            stride=encoder.embeddings.patch_embeddings.projection.stride[0] * 2**stage,
            stage=stage,
            block=block,
            attention=block.attention,
            mlp=block.output,
            projection=block.attention.output.dense,
        )
        for stage, blocks in enumerate(encoder.encoder.layers)
        for number, block in enumerate(blocks.blocks)
    ]


def read(layer: Layer, call: Call) -> Attention:
    attention, windows = layer.attention.self, _windows(layer, call.image_size)
    inputs = call.args[0].unflatten(0, (-1, windows.count))
    query, key, value = (
        split_heads(linear(inputs), layer.heads)
        for linear in (attention.query, attention.key, attention.value)
    )
    index = attention.relative_position_index
    if hasattr(attention, 'logit_scale'):
        query, key = cosines(query, key, attention.logit_scale)
        perceptron = attention.continuous_position_bias_mlp
        bias = offset_bias(perceptron, attention.relative_coords_table, index)
    else:
        query = query * query.shape[-1] ** -0.5
        bias = table_bias(attention.relative_position_bias_table, index)
    return Attention(query, key, value, bias, windows.places(layer.stride, query.device))


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return _windows(layer, image_size).tokens(output)


def _windows(layer: Layer, image_size: Size) -> Windows:
    grid, block = grid_of(image_size, layer.stride), layer.block
    return Windows(grid, (block.window_size,) * 2, (block.shift_size,) * 2)
