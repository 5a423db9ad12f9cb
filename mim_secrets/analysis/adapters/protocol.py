"""What an adapter says of a family of encoders; ``docs/en/analysis.md`` has an example."""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import nn

from mim_secrets.analysis.attention import Attention

Size = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Layer:
    """One block of an encoder.

    Attributes:
        name: Its path in the encoder, such as ``layers.3``.
        heads: Number of attention heads.
        stride: Input pixels per token.
        stage: Blocks of one stage see the same grid and the same windows.
        block: The module whose output, or the first of its outputs, is the block's.
        attention: The module whose calls ``Adapter.read`` understands.
        mlp: The module whose output is that of the other branch, before it is added.
        projection: Gets the heads' mixed values, side by side, and nothing else.
        heard: A module whose output ``read`` wants as well (as ``Call.heard``), such
            as the layer that makes queries, keys and values: a second product of the
            same matrices would cost more than all measures.
    """

    name: str
    heads: int
    stride: int
    stage: int
    block: nn.Module
    attention: nn.Module
    mlp: nn.Module
    projection: nn.Module
    heard: nn.Module | None = None


class Call(NamedTuple):
    """One call of ``Layer.attention``.

    Attributes:
        args: What it was called with.
        kwargs: The same, by name.
        heard: Output of ``Layer.heard`` during the call.
        image_size: Height and width of the images that the encoder was given.
    """

    args: tuple
    kwargs: dict
    heard: torch.Tensor | None
    image_size: Size


class Tokens(NamedTuple):
    """Output of a block, an attention or a perceptron.

    Attributes:
        values: (B, E + h * w, C), row by row; the E extra tokens first.
        extra: E.
        grid: (h, w).
    """

    values: torch.Tensor
    extra: int
    grid: Size

    def patches(self) -> torch.Tensor:
        """(B, h * w, C)."""
        return self.values[:, self.extra :]

    def map(self) -> torch.Tensor:
        """(B, h, w, C)."""
        return self.patches().unflatten(1, self.grid)


class Adapter(Protocol):
    """How encoders of one family are read. An object or a module with these functions."""

    def fits(self, encoder: nn.Module) -> bool:
        """Is the encoder one of the family?"""

    def layers(self, encoder: nn.Module) -> list[Layer]:
        """Its blocks, in the order in which images pass them."""

    def read(self, layer: Layer, call: Call) -> Attention:
        """What the attention of a layer worked with."""

    def tokens(self, layer: Layer, output: torch.Tensor, image_size: Size) -> Tokens:
        """The output of ``layer.block``, ``.attention`` or ``.mlp`` as tokens."""


def grid_of(image_size: Size, stride: int) -> Size:
    """Rows and columns of tokens; what does not divide is padded."""
    return -(-image_size[0] // stride), -(-image_size[1] // stride)


def class_names(module: nn.Module) -> list[str]:
    """Full names of its class and of all bases. A family is known by them, so that its
    package need not be there."""
    return [f'{base.__module__}.{base.__qualname__}' for base in type(module).__mro__]
