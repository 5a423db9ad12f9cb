"""Multi-level feature fusion, the idea of MFF.

Liu et al., "Improving Pixel-based MIM by Reducing Wasted Modeling Capability",
ICCV 2023: shallow levels of the encoder are handed to the decoder directly, so
that the deep ones need not carry the low-level detail that pixels ask for.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import nn

from mim_secrets.registry import MODELS

NUM_LEVELS = 6


def default_levels(depth: int) -> list[int]:
    """Six levels: the block at each sixth of the depth, and the last block.

    12 blocks give the released 0, 2, 4, 6, 8, 11; 24 give 0, 4, 8, 12, 16, 23
    and 32 give 0, 5, 10, 16, 21, 31. Encoders shallower than six fuse all.
    """
    if depth <= NUM_LEVELS:
        return list(range(depth))
    return [i * depth // NUM_LEVELS for i in range(NUM_LEVELS - 1)] + [depth - 1]


@MODELS.register_module()
class MultiLevelFusion(BaseModule):
    """Turn levels of an encoder into one stream of tokens.

    Every level but the last goes through a projection of its own. Then, by
    ``fusion``:

    - ``weighted``: sum with weights that are the softmax of one learnt scalar
      per level (as released);
    - ``fixed``: sum with the given ``weights``, used as they are, not trained;
    - ``attention``: the last level's tokens attend to the tokens of all levels;
    - ``none``: the last level is handed on alone, which makes an MFF a MAE.

    Levels of a pyramid have more and narrower tokens than the last one. The tokens
    that lie where one of the last level's lies are then projected as one. The paper
    has plain encoders only, so that this goes beyond it.

    Args:
        dims: Width of every level of the encoder; D is the last one's.
        strides: Pixels per token of every level of the encoder.
        levels: Levels to fuse, the last one included; ``None`` for
            :func:`default_levels`.
        fusion: ``weighted``, ``fixed``, ``attention`` or ``none``.
        projection: ``linear``, or ``mlp`` for two layers with a GELU between.
        weights: One number per level, for ``fixed`` only.
        num_heads: Heads of ``attention``.
        streams: Sums with weights of their own, for ``weighted`` only; each block of
            a ``CrossDecoder`` reads one.
    """

    def __init__(
        self,
        dims: Sequence[int],
        strides: Sequence[int],
        levels: Sequence[int] | None = None,
        fusion: str = 'weighted',
        projection: str = 'linear',
        weights: Sequence[float] | None = None,
        num_heads: int = 8,
        streams: int = 1,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        depth = len(dims)
        self.levels = [depth - 1] if fusion == 'none' else _checked_levels(levels, depth)
        self.fusion = fusion
        self.streams = streams
        self.sides = [strides[-1] // strides[level] for level in self.levels[:-1]]
        self.projections = nn.ModuleList(
            _projection(projection, dims[level] * side**2, dims[-1])
            for level, side in zip(self.levels, self.sides, strict=False)
        )
        if streams > 1 and fusion != 'weighted':
            raise ValueError(
                f"MultiLevelFusion: streams={streams} with fusion={fusion!r}; only 'weighted' "
                'has weights of its own for each stream.'
            )
        if (weights is not None) != (fusion == 'fixed'):
            raise ValueError(
                f'MultiLevelFusion: weights={weights} with fusion={fusion!r}; give '
                "weights, one per level, with fusion='fixed' and only then."
            )
        if fusion == 'weighted':
            shape = (streams, len(self.levels)) if streams > 1 else (len(self.levels),)
            self.level_logits = nn.Parameter(torch.ones(shape))
        elif fusion == 'fixed':
            if len(weights) != len(self.levels):
                raise ValueError(
                    f'MultiLevelFusion: {len(weights)} weights for {len(self.levels)} '
                    f'levels {self.levels}; give one weight per level.'
                )
            self.register_buffer('fixed_weights', torch.tensor(weights))
        elif fusion == 'attention':
            self.level_embed = nn.Parameter(torch.zeros(len(self.levels), 1, dims[-1]))
            self.attention = nn.MultiheadAttention(dims[-1], num_heads, batch_first=True)
        elif fusion != 'none':
            raise ValueError(
                f"MultiLevelFusion: fusion is {fusion!r}; choose 'weighted', 'fixed', "
                "'attention' or 'none'."
            )

    def init_weights(self) -> None:
        super().init_weights()
        if self.fusion == 'attention':
            nn.init.normal_(self.level_embed, std=0.02)

    def level_weights(self) -> torch.Tensor | None:
        """(K,) share of each level, or ``None`` where there are no shares.

        The mean over streams, where there are several.
        """
        if self.fusion == 'weighted':
            return self.level_logits.softmax(dim=-1).view(-1, len(self.levels)).mean(dim=0)
        return self.fixed_weights if self.fusion == 'fixed' else None

    def forward(self, outputs: dict[int, torch.Tensor]) -> torch.Tensor:
        """Fuse.

        Args:
            outputs: Level -> tokens (B, N, D), or the map (B, h, w, D') of a pyramid.

        Returns:
            One stream (B, N, D), or several (S, B, N, D).
        """
        *shallow, last = (outputs[level] for level in self.levels)
        last = last.flatten(1, -2)
        shallow = [_fold(*pair) for pair in zip(shallow, self.sides, strict=True)]
        if self.fusion == 'none':
            return last
        if self.fusion == 'attention':
            return self._attend(shallow, last)
        if self.streams > 1:
            return self._several(shallow, last)
        weights = self.level_weights()
        stream = last * weights[-1]
        for tokens, projection, weight in zip(shallow, self.projections, weights, strict=False):
            stream = stream + _scaled(projection, weight, tokens)
        return stream

    def _pairs(self, shallow: list[torch.Tensor]) -> zip:
        return zip(self.projections, shallow, strict=True)

    def _several(self, shallow: list[torch.Tensor], last: torch.Tensor) -> torch.Tensor:
        levels = [*(project(level) for project, level in self._pairs(shallow)), last]
        weights = self.level_logits.softmax(dim=-1).unbind(dim=1)
        return sum(
            weight[:, None, None, None] * level
            for weight, level in zip(weights, levels, strict=True)
        )

    def _attend(self, shallow: list[torch.Tensor], last: torch.Tensor) -> torch.Tensor:
        levels = [*(project(level) for project, level in self._pairs(shallow)), last]
        memory = [tokens + embed for tokens, embed in zip(levels, self.level_embed, strict=True)]
        memory = torch.cat(memory, dim=1)  # (B, K * N, D)
        return self.attention(last, memory, memory, need_weights=False)[0]


def _fold(level: torch.Tensor, side: int) -> torch.Tensor:
    """Squares of ``side`` x ``side`` tokens as one token each.

    (B, h, w, C) to (B, h / side * w / side, side * side * C); tokens that come as a
    list already lie where the last level's lie.
    """
    if level.ndim == 3:
        return level
    squares = level.unflatten(2, (-1, side)).unflatten(1, (-1, side)).transpose(2, 3)
    return squares.flatten(3).flatten(1, 2)


def _scaled(projection: nn.Module, weight: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """``weight * projection(tokens)``, scaling the last matrix and not the tokens.

    The matrix is smaller than a batch of tokens, and autograd then keeps no
    projected copy of the level.
    """
    *before, last = projection if isinstance(projection, nn.Sequential) else [projection]
    for module in before:
        tokens = module(tokens)
    return F.linear(tokens, last.weight * weight, last.bias * weight)


def _projection(kind: str, width: int, dims: int) -> nn.Module:
    if kind == 'linear':
        return nn.Linear(width, dims)
    if kind == 'mlp':
        return nn.Sequential(nn.Linear(width, dims), nn.GELU(), nn.Linear(dims, dims))
    raise ValueError(f"MultiLevelFusion: projection is {kind!r}; choose 'linear' or 'mlp'.")


def _checked_levels(levels: Sequence[int] | None, depth: int) -> list[int]:
    if levels is None:
        return default_levels(depth)
    levels = list(levels)
    if levels != sorted(set(levels)) or levels[-1:] != [depth - 1] or not 0 <= levels[0] < depth:
        raise ValueError(
            f'MultiLevelFusion: levels are {levels}, but they must be block numbers '
            f'from 0 to {depth - 1} in rising order, each once, ending with the last '
            f'block {depth - 1}; for example {default_levels(depth)}.'
        )
    return levels
