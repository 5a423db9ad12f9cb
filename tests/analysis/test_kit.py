"""The kit for adapters sees what is wrong with one, and says so."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from mim_secrets.analysis.adapters import mmpretrain_swin, swin, vit
from mim_secrets.analysis.adapters.kit import AdapterError, check_adapter
from mim_secrets.analysis.adapters.places import Windows
from mim_secrets.analysis.adapters.protocol import Adapter, Layer, Tokens
from mim_secrets.analysis.attention import Attention
from tests.analysis.encoders import encoder_and_images


def altered(adapter: Adapter, **functions: Callable) -> Adapter:
    names = ('fits', 'layers', 'read', 'tokens')
    return SimpleNamespace(**{name: getattr(adapter, name) for name in names} | functions)


def reading(adapter: Adapter, change: Callable[[Attention], Attention]) -> Adapter:
    return altered(adapter, read=lambda layer, call: change(adapter.read(layer, call)))


def listing(adapter: Adapter, change: Callable[[Layer], Layer]) -> Adapter:
    return altered(adapter, layers=lambda encoder: [change(x) for x in adapter.layers(encoder)])


def placing(adapter: Adapter, change: Callable[[Attention], dict]) -> Adapter:
    return reading(adapter, lambda a: replace(a, places=replace(a.places, **change(a))))


def columns_first(windows: torch.Tensor) -> torch.Tensor:
    """(nW, 3 * 3, ...) with the tokens of each window by column."""
    return windows.unflatten(1, (3, 3)).transpose(1, 2).flatten(1, 2)


NOT_SHIFTED = Windows((5, 7), (3, 3))
VALUES, PLACES = r'softmax\(q k\) v is not what', r'token \d+ of window \d+ holds .*, but its place'
# What is wrong, in which family, and what the kit says of it.
BROKEN: dict[str, tuple[str, Adapter, str]] = {
    'scale': ('ours-vit', reading(vit, lambda a: replace(a, query=a.query * 1.01)), VALUES),
    'bias': ('ours-swin', reading(swin, lambda a: replace(a, bias=None)), VALUES),
    'bias-v2': ('ours-swin-v2', reading(swin, lambda a: replace(a, bias=a.bias.mT)), VALUES),
    'apart': ('ours-swin', placing(swin, lambda a: dict(apart=None)), VALUES),
    'heads': ('ours-vit', reading(vit, lambda a: replace(a, value=a.value.flip(2))), VALUES),
    'images': ('ours-vit', reading(vit, lambda a: replace(a, key=a.key.flip(0))), VALUES),
    'number-of-heads': (
        'ours-vit',
        altered(
            vit,
            layers=lambda encoder: [replace(layer, heads=2) for layer in vit.layers(encoder)],
            read=lambda layer, call: vit.read(replace(layer, heads=3), call),
        ),
        r'queries .* are \(2, 1, 3, 25, 4\), but 2 heads',
    ),
    'other-heads': ('ours-vit', listing(vit, lambda x: replace(x, heads=2)), VALUES),
    'fewer-values': (
        'ours-vit',
        reading(vit, lambda a: replace(a, value=a.value[..., :-1])),
        r'but its projection got',
    ),
    'projection': (
        'ours-vit',
        listing(vit, lambda x: replace(x, projection=nn.Identity())),
        r'layers\.0: the module named as its projection was not called',
    ),
    'attention': (
        'ours-vit',
        listing(vit, lambda x: replace(x, attention=nn.Identity())),
        r'layers\.0: the module named as its attention was not called',
    ),
    'mlp': (
        'ours-vit',
        listing(vit, lambda x: replace(x, mlp=nn.Identity())),
        r'layers\.0: the module named as its mlp was not called',
    ),
    'mlp-with-shortcut': (
        'ours-vit',
        listing(vit, lambda x: replace(x, mlp=x.block.ffn)),
        'name a module whose output has no shortcut in it',
    ),
    'grid': (
        'ours-vit',
        altered(vit, tokens=lambda layer, output, size: Tokens(output, 0, (2, 2))),
        r'tokens of its block are \(2, 25, 12\), but 0 \+ 2 x 2',
    ),
    'windows-by-column': (
        'ours-swin',
        placing(swin, lambda a: dict(centres=columns_first(a.places.centres))),
        PLACES,
    ),
    'windows-in-another-order': (
        'ours-swin',
        placing(swin, lambda a: dict(centres=a.places.centres.flip(0))),
        PLACES,
    ),
    'shift': (
        'mmpretrain-swin',
        placing(mmpretrain_swin, lambda a: dict(centres=NOT_SHIFTED.places(4, 'cpu').centres)),
        r'stages\.0\.blocks\.1: ' + PLACES,
    ),
    'class-token': (
        'ours-vit',
        placing(vit, lambda a: dict(patch=torch.ones_like(a.places.patch))),
        'token 0 of window 0 holds no patch, but its place says the patch in row 0, column 0; '
        'so it is for 1 of 25 tokens',
    ),
    'forgotten-patch': (
        'deit-distilled',
        placing(vit, lambda a: dict(patch=torch.zeros_like(a.places.patch))),
        'token 2 of window 0 holds the patch in row 0, column 0, but its place says no patch',
    ),
    'corners': (
        'ours-swin',
        placing(swin, lambda a: dict(centres=a.places.centres - 1)),
        'places do not lie in the middle of patches of 4 pixels',
    ),
    'stride': (
        'ours-vit',
        listing(vit, lambda x: replace(x, stride=16)),
        r'layers\.0: token 1 of window 0 is said to be no patch, but it depends on the image; '
        'so it is for 18 tokens',
    ),
    'padding': (
        'ours-swin',
        placing(swin, lambda a: dict(padding=a.places.patch)),
        'some tokens are said to be patches and padding',
    ),
}


@pytest.mark.parametrize('fault', BROKEN)
def test_the_kit_sees_what_is_wrong(fault: str) -> None:
    """Breaks when an adapter with a fault passes, or the message tells another story."""
    name, adapter, message = BROKEN[fault]
    encoder, images = encoder_and_images(name)
    with pytest.raises(AdapterError, match=message):
        check_adapter(adapter, encoder, images)


def test_the_kit_wants_two_images_in_evaluation_mode() -> None:
    """Breaks when dropout is reported as a fault of the adapter, or a single image passes
    that cannot show which tokens depend on it."""
    encoder, images = encoder_and_images('ours-vit')
    with pytest.raises(ValueError, match='one image tells too little'):
        check_adapter(vit, encoder, images[:1])
    with pytest.raises(ValueError, match=r'call encoder\.eval\(\) first'):
        check_adapter(vit, encoder.train(), images)
