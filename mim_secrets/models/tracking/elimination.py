"""Fewer tokens of the search window from block to block: what the template does not look at.

Ye et al., "Joint Feature Learning and Relation Modeling for Tracking: A One-Stream
Framework", ECCV 2022, section 3.3.
"""

from collections.abc import Sequence
from math import ceil

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.checkpoint import checkpoint

from mim_secrets.models.backbones.vit import ViT


class CandidateElimination(nn.Module):
    """A ViT's blocks over a pair, some of which drop tokens of the search window.

    Such a block keeps a share of those that are left, namely what the middle of the template
    attends to most, as a mean over heads (and over its four middle tokens where it has an
    even number in a row). They are dropped between attention and MLP.

    Args:
        num_layers: Blocks of the encoder.
        blocks: Which of them drop tokens, counted from 0.
        share: That each of them keeps, above 0 and at most 1.

    Attributes:
        training_share: Takes the place of ``share`` in training;
            ``CandidateEliminationHook`` lets it fall from 1.
    """

    def __init__(
        self, num_layers: int, blocks: Sequence[int] = (3, 6, 9), share: float = 0.7
    ) -> None:
        super().__init__()
        if not 0 < share <= 1:
            raise ValueError(
                f'elimination: share is {share}; give the share of tokens that stays, above 0 '
                'and at most 1.'
            )
        if not set(blocks) <= set(range(num_layers)):
            raise ValueError(
                f'elimination: blocks are {list(blocks)}, but the encoder has blocks 0 to '
                f'{num_layers - 1}; choose from them.'
            )
        self.blocks = frozenset(blocks)
        self.share = self.training_share = share

    def forward(self, encoder: ViT, template: torch.Tensor, search: torch.Tensor) -> torch.Tensor:
        """Normalised tokens (B, N, D) of the search window, 0 where they were dropped.

        Args:
            template: (B, 3, h, w).
            search: (B, 3, H, W).
        """
        share = self.training_share if self.training else self.share
        (first, grid), (second, _) = encoder.embed(template), encoder.embed(search)
        pair = [tokens[:, encoder.num_extra_tokens :] for tokens in (first, second)]
        tokens, known = torch.cat(pair, dim=1), pair[0].shape[1]
        batch, total = pair[1].shape[:2]
        middle = middle_tokens(grid)
        places = torch.arange(total, device=tokens.device).expand(batch, -1)
        for index, layer in enumerate(encoder.layers):
            if index not in self.blocks:
                saves = encoder.with_cp and torch.is_grad_enabled()
                tokens = checkpoint(layer, tokens, use_reentrant=False) if saves else layer(tokens)
                continue
            inner = layer.ln1(tokens)
            tokens = tokens + layer.attn(inner)
            kept = most_attended(layer.attn, inner, middle, known, share)
            places = places.gather(1, kept)
            tokens = torch.cat([tokens[:, :known], rows(tokens[:, known:], kept)], dim=1)
            tokens = layer.ffn(layer.ln2(tokens), identity=tokens)
        tokens = encoder.normalize(tokens)[:, known:]
        whole = tokens.new_zeros(batch, total, tokens.shape[-1])
        return whole.scatter(1, places[..., None].expand_as(tokens), tokens)


def middle_tokens(grid: tuple[int, int]) -> list[int]:
    """Numbers of the one, two or four tokens in the middle of a grid."""
    height, width = grid
    rows, columns = (sorted({(side - 1) // 2, side // 2}) for side in (height, width))
    return [row * width + column for row in rows for column in columns]


@torch.no_grad()
def most_attended(
    attention: nn.Module, tokens: torch.Tensor, queries: list[int], known: int, share: float
) -> torch.Tensor:
    """Numbers (B, K) of those search tokens that ``queries`` attend to most, rising.

    Args:
        attention: Of a block.
        tokens: (B, known + N, D) as they come into it.
        queries: Numbers of tokens.
        known: Tokens of the template, which stand in front.
        share: K is N times it, rounded up.
    """
    count = tokens.shape[1] - known
    wanted = ceil(share * count)
    query, key, _ = attention.qkv.weight.chunk(3)
    if attention.qkv.bias is None:
        query_bias = key_bias = None
    else:
        query_bias, key_bias, _ = attention.qkv.bias.chunk(3)
    heads = (attention.num_heads, -1)
    query = F.linear(tokens[:, queries], query, query_bias).unflatten(2, heads)
    key = F.linear(tokens, key, key_bias).unflatten(2, heads)
    logits = torch.einsum('bqhd,bkhd->bhqk', query, key).float() * query.shape[-1] ** -0.5
    weights = logits.softmax(dim=-1).mean(dim=(1, 2))[:, known:]
    return weights.topk(wanted, dim=1).indices.sort(dim=1).values


def rows(tokens: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Tokens (B, K, D) of (B, N, D) by their numbers (B, K)."""
    return tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[-1]))
