"""Hugging Face's ViT and DeiT; transformers need not be there.

Queries, keys and values are three layers there: they are computed a second time.
"""

import torch
from torch import nn

from mim_secrets.analysis.adapters.heads import split_heads
from mim_secrets.analysis.adapters.places import list_places, list_tokens
from mim_secrets.analysis.adapters.protocol import Call, Layer, Size, Tokens, class_names, grid_of
from mim_secrets.analysis.attention import Attention

FAMILIES = {
    'transformers.models.vit.modeling_vit.ViTModel',
    'transformers.models.deit.modeling_deit.DeiTModel',
}


def fits(encoder: nn.Module) -> bool:
    return not FAMILIES.isdisjoint(class_names(encoder))


def layers(encoder: nn.Module) -> list[Layer]:
    return [
        Layer(
            name=f'encoder.layer.{number}',
            heads=block.attention.attention.num_attention_heads,
            stride=encoder.embeddings.patch_embeddings.projection.stride[0],
            stage=0,
            block=block,
            attention=block.attention,
            # what is called output has the shortcut in it
            mlp=block.output.dropout,
            projection=block.attention.output.dense,
        )
        for number, block in enumerate(encoder.encoder.layer)
    ]


def read(layer: Layer, call: Call) -> Attention:
    attention, inputs = layer.attention.attention, call.args[0][:, None]
    query, key, value = (
        split_heads(linear(inputs), layer.heads)
        for linear in (attention.query, attention.key, attention.value)
    )
    grid = grid_of(call.image_size, layer.stride)
    places = list_places(grid, layer.stride, query.shape[-2], query.device)
    return Attention(query * query.shape[-1] ** -0.5, key, value, None, places)


def tokens(layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
    return list_tokens(output, grid_of(image_size, layer.stride))
