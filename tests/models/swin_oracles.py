"""mmpretrain's Swin Transformers, and window attention by its definition, in NumPy."""

import numpy as np
import torch
from mmpretrain.models import SwinTransformer, SwinTransformerV2
from torch import nn

from mim_secrets.models import Swin, SwinV2

ARCH = dict(embed_dims=16, depths=[2, 2, 2], num_heads=[2, 2, 4])
ARCHS = {Swin: ARCH, SwinV2: dict(ARCH, extra_norm_every_n_blocks=0)}
SMALL = dict(img_size=64, window_size=4, out_indices=(0, 1, 2), drop_path_rate=0.0)


def small(cls: type, **options) -> nn.Module:
    """Our ``Swin`` or ``SwinV2``, three stages deep, always with the same odd weights."""
    torch.manual_seed(0)
    model = cls(**{'arch': ARCHS[cls], **SMALL, **options})
    shake(model)
    return model.eval()


def theirs(cls: type, window_size=4, **options) -> nn.Module:
    """mmpretrain's class of the same size."""
    options = {'arch': ARCHS[cls], **SMALL, **options}
    if cls is SwinV2:
        options = {'pretrained_window_sizes': [0, 0, 0], **options, 'window_size': window_size}
        model = SwinTransformerV2(**options)
    else:
        windows = [window_size] * 3 if isinstance(window_size, int) else window_size
        stage_cfgs = [dict(window_size=window) for window in windows]
        del options['window_size']
        model = SwinTransformer(**options, stage_cfgs=stage_cfgs)
    shake(model)
    model.eval()
    return model


def shake(model: nn.Module) -> None:
    """Move every parameter, so that no bias, norm or table is trivial."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)


def images(height: int, width: int, batch: int = 2) -> torch.Tensor:
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return torch.randn(batch, 3, height, width, generator=generator)


def gradients(model: nn.Module, outputs: tuple[torch.Tensor, ...]) -> dict[str, torch.Tensor]:
    """Name -> gradient of a loss that looks at every value of every map."""
    weights = [torch.linspace(-1, 1, output.numel()).view_as(output) for output in outputs]
    sum((w * output).sum() for w, output in zip(weights, outputs)).backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def assert_gradients_close(
    actual: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]
) -> None:
    assert actual.keys() == expected.keys()
    for name, gradient in expected.items():
        error, size = (actual[name] - gradient).norm(), gradient.norm()
        assert error <= 1e-4 * size, f'{name}: gradients of {size:.1e} differ by {error:.1e}'


def attention_by_definition(
    tokens: np.ndarray, window: tuple[int, int], shift: tuple[int, int], logits_of
) -> np.ndarray:
    """What shifted windows are for, without rolling or cutting anything.

    A token sees the tokens of its window, whose borders lie at ``shift`` plus
    multiples of ``window``; the map's rim makes smaller windows.

    Args:
        tokens: (H, W, C), sides padded to multiples of the window.
        logits_of: Tokens (N, C) and offsets (N, N, 2) of query minus key to logits
            (heads, N, N) and values (N, heads, d).

    Returns:
        (H, W, heads * d).
    """
    grid = tokens.shape[:2]
    places = np.stack(np.meshgrid(*map(np.arange, grid), indexing='ij'), axis=-1).reshape(-1, 2)
    windows = (places - np.array(shift)) // np.array(window)
    together = (windows[:, None] == windows[None]).all(axis=-1)
    offsets = places[:, None] - places[None]
    logits, values = logits_of(tokens.reshape(len(places), -1), offsets)
    powers = np.where(together, np.exp(logits - logits.max()), 0)
    shares = powers / powers.sum(axis=-1, keepdims=True)
    return np.einsum('hqk,khd->qhd', shares, values).reshape(*grid, -1)


def padded(tokens: torch.Tensor, window: tuple[int, int]) -> np.ndarray:
    """(H, W, C) with zeros up to multiples of the window."""
    rows, columns = (-size % side for size, side in zip(tokens.shape, window))
    return np.pad(tokens.numpy(), ((0, rows), (0, columns), (0, 0)))


def linear(layer: nn.Linear, tokens: np.ndarray) -> np.ndarray:
    product = tokens @ layer.weight.detach().numpy().T
    return product if layer.bias is None else product + layer.bias.detach().numpy()
