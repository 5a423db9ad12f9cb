"""Is an adapter right? What it reads has to give what the module computed."""

from collections.abc import Callable

import torch
from torch import nn

from mim_secrets.analysis.adapters.protocol import Adapter, Layer, Size, Tokens
from mim_secrets.analysis.adapters.tracing import trace_patches
from mim_secrets.analysis.attention import Attention
from mim_secrets.analysis.capture import PARTS, Capture

TOLERANCE = 1e-5


class AdapterError(AssertionError):
    """An adapter reads something else than what an encoder computes."""


def check_adapter(
    adapter: Adapter,
    encoder: nn.Module,
    images: torch.Tensor,
    forward: Callable[[torch.Tensor], object] | None = None,
    tolerance: float = TOLERANCE,
) -> float:
    """Compare what an adapter says of an encoder with what the encoder does.

    - softmax(q k) v is what the output projection of each layer got, padding included;
    - tokens have the shape that their grid says;
    - each token holds the patch that its place says: the tokens that a block is given
      are changed patch by patch, and the values that change are looked at;
    - tokens that are no patch are, in the first layer, the same for all images.

    Weights should be random in all places: a bias of zeros hides that it is not read.
    Images that are no squares, and that need padding if the encoder pads, show more.

    Args:
        encoder: In evaluation mode.
        images: (B, 3, H, W), two or more that differ.
        forward: How the encoder is called, if not by ``encoder(images)``.
        tolerance: Largest difference of values, relative to the largest value.

    Returns:
        The largest difference found.

    Raises:
        AdapterError: Something is not right; the message says what, and in which layer.
    """
    if encoder.training:
        raise ValueError(
            'check_adapter: the encoder drops at random what is to be compared; call '
            'encoder.eval() first.'
        )
    if len(images) < 2:
        raise ValueError('check_adapter: one image tells too little; give two or more.')
    forward, layers = forward or encoder, adapter.layers(encoder)
    read: dict[int, Attention] = {}
    mixed: dict[int, torch.Tensor] = {}
    tokens: dict[tuple[int, str], Tokens] = {}
    calls: dict[int, tuple[tuple, dict]] = {}

    def note_mixed(number: int) -> Callable:
        return lambda module, args: mixed.update({number: args[0]})

    def note_call(number: int) -> Callable:
        return lambda module, *call: calls.update({number: call})

    hooks = []
    for number, layer in enumerate(layers):
        hooks.append(layer.projection.register_forward_pre_hook(note_mixed(number)))
        hook = note_call(number)
        hooks.append(_given_maps(layer).register_forward_pre_hook(hook, with_kwargs=True))
    try:
        with Capture(
            adapter,
            layers,
            lambda number, attention: read.update({number: attention}),
            lambda number, part, output: tokens.update({(number, part): output}),
            PARTS,
        ) as capture:
            capture.run(forward, images)
    finally:
        for hook in hooks:
            hook.remove()

    worst = 0.0
    for number, layer in enumerate(layers):
        for what, was_called in (
            ('attention', number in read),
            ('projection', number in mixed),
            ('mlp', (number, 'mlp') in tokens),
        ):
            if not was_called:
                raise AdapterError(f'{layer.name}: the module named as its {what} was not called.')
        _check_shapes(layer, read[number])
        worst = max(worst, _compare(layer, read[number], mixed[number], tolerance))
        _check_tokens(layer, {part: tokens[number, part] for part in PARTS})
        _check_places(adapter, layer, read[number], calls[number], capture.image_size)
    _check_constants(layers[0], read[0])
    return worst


def _given_maps(layer: Layer) -> nn.Module:
    """The module around the attention that is given tokens as ``Adapter.tokens`` knows."""
    inside = any(module is layer.attention for module in layer.block.modules())
    return layer.block if inside else layer.attention


def _check_shapes(layer: Layer, attention: Attention) -> None:
    batch, windows, heads, tokens, _ = attention.query.shape
    places = attention.places.patch.shape
    if heads != layer.heads or places != (windows, tokens):
        raise AdapterError(
            f'{layer.name}: queries (B, nW, heads, N, c) are {tuple(attention.query.shape)}, but '
            f'{layer.heads} heads and places (nW, N) of {tuple(places)} are said to be there.'
        )


def _compare(layer: Layer, attention: Attention, expected: torch.Tensor, tolerance: float) -> float:
    values = attention.maps().probabilities @ attention.value.float()
    if values.numel() != expected.numel():
        raise AdapterError(
            f'{layer.name}: heads (B, nW, heads, N, c) give values of {tuple(values.shape)}, but '
            f'its projection got {tuple(expected.shape)}.'
        )
    # heads side by side, as the projection gets them
    values = values.transpose(2, 3)
    expected = expected.reshape(values.shape).float()
    difference = (values - expected).abs() / expected.abs().max()
    worst = difference.max().item()
    if not worst <= tolerance:
        flat = torch.where(difference.isnan(), torch.inf, difference).argmax()
        image, window, token, head, _ = torch.unravel_index(flat, values.shape)
        wrong = (difference > tolerance).float().mean().item()
        raise AdapterError(
            f'{layer.name}: softmax(q k) v is not what its projection got: {wrong:.0%} of the '
            f'values differ, at most by {worst:.1e} of the largest one (image {image}, window '
            f'{window}, token {token}, head {head}); allowed is {tolerance:.0e}. Look at the '
            'scale of the queries, at the bias, at pairs kept apart, and at the order of heads, '
            'tokens and windows.'
        )
    return worst


def _check_tokens(layer: Layer, tokens: dict[str, Tokens]) -> None:
    for part, (values, extra, grid) in tokens.items():
        if values.ndim != 3 or values.shape[1] != extra + grid[0] * grid[1]:
            raise AdapterError(
                f'{layer.name}: tokens of its {part} are {tuple(values.shape)}, but {extra} + '
                f'{grid[0]} x {grid[1]} of them are said to be there.'
            )
    if torch.equal(tokens['mlp'].values, tokens['block'].values):
        raise AdapterError(
            f'{layer.name}: its mlp puts out what its block puts out; name a module whose '
            'output has no shortcut in it.'
        )


def _check_places(
    adapter: Adapter,
    layer: Layer,
    attention: Attention,
    call: tuple[tuple, dict],
    image_size: Size,
) -> None:
    places = attention.places
    if places.padding is not None and (places.patch & places.padding).any():
        raise AdapterError(f'{layer.name}: some tokens are said to be patches and padding.')
    found, grid = trace_patches(adapter, layer, _given_maps(layer), *call, image_size)
    steps = places.centres / layer.stride - 0.5
    rows, columns = steps.round().long().unbind(dim=-1)
    said = torch.where(places.patch, rows * grid[1] + columns, -1)
    wrong = (said != found).nonzero().tolist()
    if wrong:
        window, token = wrong[0]
        spots = [_spot(numbers[window, token].item(), grid) for numbers in (found, said)]
        raise AdapterError(
            f'{layer.name}: token {token} of window {window} holds {spots[0]}, but its place '
            f'says {spots[1]}; so it is for {len(wrong)} of {said.numel()} tokens.'
        )
    if not torch.allclose(steps[places.patch], steps[places.patch].round(), atol=1e-3):
        raise AdapterError(
            f'{layer.name}: places do not lie in the middle of patches of {layer.stride} pixels.'
        )


def _spot(number: int, grid: Size) -> str:
    if number < 0:
        return 'no patch'
    return f'the patch in row {number // grid[1]}, column {number % grid[1]}'


def _check_constants(layer: Layer, attention: Attention) -> None:
    first, second = (attention.value[i].transpose(1, 2).flatten(2) for i in (0, 1))
    differs = (first != second).any(dim=-1)
    wrong = (differs & ~attention.places.patch).nonzero().tolist()
    if wrong:
        window, token = wrong[0]
        raise AdapterError(
            f'{layer.name}: token {token} of window {window} is said to be no patch, but it '
            f'depends on the image; so it is for {len(wrong)} tokens. Look at the stride.'
        )
