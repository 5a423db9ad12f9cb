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

    Args:
        dims: Width of the encoder, D.
        depth: Number of blocks of the encoder.
        levels: Blocks to fuse, the last block included; ``None`` for
            :func:`default_levels`.
        fusion: ``weighted``, ``fixed``, ``attention`` or ``none``.
        projection: ``linear``, or ``mlp`` for two layers with a GELU between.
        weights: One number per level, for ``fixed`` only.
        num_heads: Heads of ``attention``.
    """

    def __init__(
        self,
        dims: int,
        depth: int,
        levels: Sequence[int] | None = None,
        fusion: str = 'weighted',
        projection: str = 'linear',
        weights: Sequence[float] | None = None,
        num_heads: int = 8,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.levels = [depth - 1] if fusion == 'none' else _checked_levels(levels, depth)
        self.fusion = fusion
        self.projections = nn.ModuleList(_projection(projection, dims) for _ in self.levels[:-1])
        if (weights is not None) != (fusion == 'fixed'):
            raise ValueError(
                f'MultiLevelFusion: weights={weights} with fusion={fusion!r}; give '
                "weights, one per level, with fusion='fixed' and only then."
            )
        if fusion == 'weighted':
            self.level_logits = nn.Parameter(torch.ones(len(self.levels)))
        elif fusion == 'fixed':
            if len(weights) != len(self.levels):
                raise ValueError(
                    f'MultiLevelFusion: {len(weights)} weights for {len(self.levels)} '
                    f'levels {self.levels}; give one weight per level.'
                )
            self.register_buffer('fixed_weights', torch.tensor(weights))
        elif fusion == 'attention':
            self.level_embed = nn.Parameter(torch.zeros(len(self.levels), 1, dims))
            self.attention = nn.MultiheadAttention(dims, num_heads, batch_first=True)
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
        """(K,) share of each level, or ``None`` where there are no shares."""
        if self.fusion == 'weighted':
            return self.level_logits.softmax(dim=0)
        return self.fixed_weights if self.fusion == 'fixed' else None

    def forward(self, outputs: dict[int, torch.Tensor]) -> torch.Tensor:
        """Block number -> tokens (B, N, D), to one stream (B, N, D)."""
        if self.fusion == 'attention':
            return self._attend(outputs)
        if self.fusion == 'none':
            return outputs[self.levels[-1]]
        weights = self.level_weights()
        stream = outputs[self.levels[-1]] * weights[-1]
        for level, projection, weight in zip(self.levels, self.projections, weights, strict=False):
            stream = stream + _scaled(projection, weight, outputs[level])
        return stream

    def _attend(self, outputs: dict[int, torch.Tensor]) -> torch.Tensor:
        last = outputs[self.levels[-1]]
        projected = [
            projection(outputs[level])
            for level, projection in zip(self.levels, self.projections, strict=False)
        ]
        memory = [
            tokens + embed
            for tokens, embed in zip([*projected, last], self.level_embed, strict=True)
        ]
        memory = torch.cat(memory, dim=1)  # (B, K * N, D)
        return self.attention(last, memory, memory, need_weights=False)[0]


def _scaled(projection: nn.Module, weight: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """``weight * projection(tokens)``, scaling the last matrix and not the tokens.

    The matrix is smaller than a batch of tokens, and autograd then keeps no
    projected copy of the level.
    """
    *before, last = projection if isinstance(projection, nn.Sequential) else [projection]
    for module in before:
        tokens = module(tokens)
    return F.linear(tokens, last.weight * weight, last.bias * weight)


def _projection(kind: str, dims: int) -> nn.Module:
    if kind == 'linear':
        return nn.Linear(dims, dims)
    if kind == 'mlp':
        return nn.Sequential(nn.Linear(dims, dims), nn.GELU(), nn.Linear(dims, dims))
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
