"""Which patch is in which token of a window? Asked of the modules, not of an adapter."""

import torch
from torch import nn

from mim_secrets.analysis.adapters.protocol import Adapter, Call, Layer, Size


def trace_patches(
    adapter: Adapter,
    layer: Layer,
    module: nn.Module,
    args: tuple,
    kwargs: dict,
    image_size: Size,
) -> tuple[torch.Tensor, Size]:
    """Change the tokens that a module is given, and see which values of attention change.

    Patches are numbered from 1 on; the pass for a binary digit changes all patches whose
    number has it. On the way from the module's input to the values every token must be on
    its own, as behind a norm and a linear layer.

    Args:
        module: The block or its attention; its first argument is the tokens.
        args: With which it was called.
        kwargs: The same, by name.
        image_size: Height and width of the images of that call.

    Returns:
        Number of the patch, counted from 0 row by row, in each token (nW, N), -1 for
        tokens without one; and rows and columns of patches.
    """
    given, *others = args
    _, extra, grid = adapter.tokens(layer, given, image_size)
    count = grid[0] * grid[1]
    numbers = torch.cat([torch.zeros(extra), torch.arange(1, count + 1)]).long()
    noise = torch.randn(given.shape[-1], generator=torch.Generator().manual_seed(0))
    noise = noise.to(given) * given.std()

    def values(changed: torch.Tensor) -> torch.Tensor:
        changes = changed.view(*given.shape[1:-1], 1).to(given) * noise
        inputs = (given + changes, *others)
        return _values(adapter, layer, module, inputs, kwargs, image_size)

    before = values(torch.zeros_like(numbers))
    found = torch.zeros_like(before[..., 0], dtype=torch.long)
    for digit in range(count.bit_length()):
        change = (values(numbers >> digit & 1) - before).abs().amax(dim=-1)
        found += (change > 1e-3 * change.max()).long() << digit
    return found - 1, grid


def _values(
    adapter: Adapter, layer: Layer, module: nn.Module, args: tuple, kwargs: dict, image_size: Size
) -> torch.Tensor:
    """(nW, N, heads * c) that the first image's tokens have for others."""
    heard, read = [None], []

    def hear(module: nn.Module, args: tuple, output: torch.Tensor) -> None:
        heard.append(output)

    def attend(module: nn.Module, args: tuple, kwargs: dict, output: object) -> None:
        read.append(adapter.read(layer, Call(args, kwargs, heard[-1], image_size)))

    hooks = [layer.attention.register_forward_hook(attend, with_kwargs=True)]
    if layer.heard is not None:
        hooks.append(layer.heard.register_forward_hook(hear))
    try:
        with torch.inference_mode():
            module(*args, **kwargs)
    finally:
        for hook in hooks:
            hook.remove()
    return read[0].value[0].transpose(1, 2).flatten(2)
