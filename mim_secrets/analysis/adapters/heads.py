"""How tokens become heads, and offsets what is added to logits; the same in all houses.

Modules of BEiT and SwinV2 have no key bias: they call their layer ``qkv`` as a
function, so that no hook hears it.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

# Hottest temperature of cosine attention, as the logarithm that is learnt.
HIGHEST_SCALE = math.log(100)


def split_heads(tokens: torch.Tensor, heads: int) -> torch.Tensor:
    """(..., N, C) to (..., heads, N, C / heads), a view."""
    return tokens.unflatten(-1, (heads, -1)).transpose(-2, -3)


def split_qkv(qkv: torch.Tensor, heads: int) -> tuple[torch.Tensor, ...]:
    """(..., N, 3 * C) to three times (..., heads, N, C / heads), views."""
    return tuple(split_heads(part, heads) for part in qkv.chunk(3, dim=-1))


def project(module: nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """(..., N, C) to (..., N, 3 * C) with the layer ``qkv`` and the biases beside it."""
    if getattr(module, 'q_bias', None) is None:
        return module.qkv(tokens)
    bias = torch.cat([module.q_bias, torch.zeros_like(module.q_bias), module.v_bias])
    return F.linear(tokens, module.qkv.weight, bias)


def cosines(
    query: torch.Tensor, key: torch.Tensor, logit_scale: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Queries and keys of SwinV2 (..., heads, N, c), whose products are logits."""
    scale = logit_scale.clamp(max=HIGHEST_SCALE).exp()
    return F.normalize(query, dim=-1) * scale, F.normalize(key, dim=-1)


def table_bias(table: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """(heads, N, N) from a table over offsets (T, heads) and an index (N, N)."""
    return F.embedding(index, table).permute(2, 0, 1)


def offset_bias(perceptron: nn.Module, offsets: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """(heads, N, N) that SwinV2's perceptron makes of offsets (1, 2h - 1, 2w - 1, 2)."""
    table = perceptron(offsets).flatten(0, 2)
    return table_bias(16 * table.sigmoid(), index)
