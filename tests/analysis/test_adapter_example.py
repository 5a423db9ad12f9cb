"""The example of ``docs/en/analysis.md``: an adapter for an encoder that nobody knows."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mim_secrets.analysis import adapters
from mim_secrets.analysis.adapters.kit import AdapterError, check_adapter
from mim_secrets.analysis.adapters.places import list_places, list_tokens
from mim_secrets.analysis.adapters.protocol import Layer, grid_of
from mim_secrets.analysis.attention import Attention


class ToyAttention(nn.Module):
    """Four heads, each with a temperature of its own, that look away from themselves."""

    def __init__(self, dims: int) -> None:
        super().__init__()
        self.to_queries, self.to_keys, self.to_values, self.out = (
            nn.Linear(dims, dims) for _ in range(4)
        )
        self.temperature = nn.Parameter(torch.rand(4, 1, 1) + 0.5)
        self.itself = nn.Parameter(torch.tensor(-2.0))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        query, key, value = (
            layer(tokens).unflatten(2, (4, -1)).transpose(1, 2)
            for layer in (self.to_queries, self.to_keys, self.to_values)
        )
        away = self.itself * torch.eye(tokens.shape[1])
        mixed = F.scaled_dot_product_attention(query / self.temperature, key, value, away, scale=1)
        return self.out(mixed.transpose(1, 2).flatten(2))


class ToyBlock(nn.Module):
    def __init__(self, dims: int) -> None:
        super().__init__()
        self.norm, self.attention = nn.LayerNorm(dims), ToyAttention(dims)
        self.perceptron = nn.Sequential(nn.Linear(dims, dims), nn.GELU())

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        tokens = tokens + self.attention(self.norm(tokens))
        return tokens + self.perceptron(tokens)


class ToyEncoder(nn.Module):
    """Patches of 8 x 8 pixels and a class token."""

    def __init__(self, dims: int = 16, depth: int = 2) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, dims, 8, 8)
        self.class_token = nn.Parameter(torch.randn(1, 1, dims))
        self.blocks = nn.Sequential(*(ToyBlock(dims) for _ in range(depth)))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        patches = self.patches(images).flatten(2).mT
        return self.blocks(torch.cat([self.class_token.expand(len(images), 1, -1), patches], 1))


# The adapter: this much has to be written.
class ToyAdapter:
    def fits(self, encoder):
        return isinstance(encoder, ToyEncoder)

    def layers(self, encoder):
        return [
            Layer(f'blocks.{i}', heads=4, stride=8, stage=0, block=block, mlp=block.perceptron,
                  attention=block.attention, projection=block.attention.out)
            for i, block in enumerate(encoder.blocks)
        ]  # fmt: skip

    def read(self, layer, call):
        attention, (inputs,) = layer.attention, call.args
        query, key, value = (
            # (B, nW, heads, N, c): a list is one window
            linear(inputs)[:, None].unflatten(3, (4, -1)).transpose(2, 3)
            for linear in (attention.to_queries, attention.to_keys, attention.to_values)
        )
        away = attention.itself * torch.eye(inputs.shape[1], device=inputs.device)
        grid = grid_of(call.image_size, layer.stride)
        places = list_places(grid, layer.stride, inputs.shape[1], inputs.device)
        return Attention(query / attention.temperature, key, value, away, places)

    def tokens(self, layer, output, image_size):
        return list_tokens(output, grid_of(image_size, layer.stride))


def test_the_example_is_right() -> None:
    """Breaks when what the documentation shows does not pass the kit."""
    difference = check_adapter(ToyAdapter(), ToyEncoder().eval(), torch.randn(2, 3, 32, 24))
    assert difference < 1e-5


def test_the_kit_sees_what_the_example_would_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when the kit lets an adapter pass that knows nothing of the temperature."""
    read = ToyAdapter.read

    def forgetful(self: ToyAdapter, layer: Layer, call: tuple) -> Attention:
        attention = read(self, layer, call)
        query = attention.query * layer.attention.temperature
        return Attention(query, attention.key, attention.value, attention.bias, attention.places)

    monkeypatch.setattr(ToyAdapter, 'read', forgetful)
    with pytest.raises(AdapterError, match=r'blocks\.0: softmax\(q k\) v is not what'):
        check_adapter(ToyAdapter(), ToyEncoder().eval(), torch.randn(2, 3, 32, 24))


def test_an_adapter_that_is_appended_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Breaks when the list that the message speaks of is not the one that is read."""
    with pytest.raises(adapters.UnknownFamilyError, match='ToyEncoder; write one'):
        adapters.find_adapter(ToyEncoder())
    mine = ToyAdapter()
    monkeypatch.setattr(adapters, 'ADAPTERS', [*adapters.ADAPTERS, mine])
    assert adapters.find_adapter(ToyEncoder()) is mine
