"""What must hold of every layout, whoever made the tensors."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import nn

from mim_secrets.checkpoint.layouts import Found, from_ours, recognise, to_ours

Tensors = dict[str, torch.Tensor]
# What distributed training, self-distillation and averaging put before a model
PREFIXES = ('', 'module.', 'student.', 'ema_model.module.')
RECOMPUTED = ('relative_position_index', 'relative_coords_table', 'attn_mask')


@dataclass(frozen=True)
class House:
    """A model that a house builds, and what is known about its files.

    Attributes:
        layout: Name under which it must be told.
        theirs: Builds the model, small.
        their_features: What is compared, from images (B, 3, H, W).
        ours: Builds our encoder for the same weights, or None where there is none.
        our_features: The same of ours.
        images: Height and width.
        lacking: Parameters of ours that the house has not, and whose initial zeros
            mean the same.
        dropped: Their names that have no place with us.
    """

    layout: str
    theirs: Callable[[], nn.Module]
    their_features: Callable[[nn.Module, torch.Tensor], torch.Tensor]
    ours: Callable[[], nn.Module]
    our_features: Callable[[nn.Module, torch.Tensor], torch.Tensor]
    images: tuple[int, int] = (32, 32)
    lacking: frozenset[str] = frozenset()
    dropped: frozenset[str] = field(default=frozenset())


def as_parameters(houses: dict[str, House]) -> list:
    return [pytest.param(house, id=name) for name, house in houses.items()]


def shaken(model: nn.Module, seed: int = 0) -> nn.Module:
    """``model`` for evaluation, with no parameter as it was initialised."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator)
    model.eval()
    return model


def random_tensors(shapes: dict[str, tuple[int, ...]], seed: int = 0) -> Tensors:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) / 5 for name, shape in shapes.items()}


def under(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: tensor for name, tensor in tensors.items()}


def parameters_of(model: nn.Module) -> Tensors:
    """What a file of the model holds, without the buffers that follow from it."""
    return {
        name: tensor for name, tensor in model.state_dict().items() if not name.endswith(RECOMPUTED)
    }


def encoder_of(theirs: Tensors) -> Tensors:
    """What one of our encoders would load."""
    ours = to_ours(theirs).tensors
    start = 'backbone.'
    return {n.removeprefix(start): t for n, t in ours.items() if n.startswith(start)}


def check_round_trip(theirs: Tensors, found: Found, dropped: frozenset[str] = frozenset()) -> None:
    """There and back is the same bit for bit, but for ``dropped``."""
    ours = to_ours(theirs, found)
    assert ours.dropped.keys() == dropped
    assert all(
        name.split('.')[0] in ('backbone', 'neck', 'head', 'fusion') for name in ours.tensors
    )
    encoder_at = found.layout.encoder_at
    bare = not found.layout.at_home(found.prefix)
    back = from_ours(ours.tensors, found.layout, encoder_only=bare)
    root = found.prefix if bare else found.prefix.removesuffix(encoder_at)
    assert_same(under(root, back.tensors), {n: t for n, t in theirs.items() if n not in dropped})
    assert not back.dropped


def assert_same(actual: Tensors, expected: Tensors) -> None:
    assert actual.keys() == expected.keys()
    for name, tensor in expected.items():
        assert actual[name].shape == tensor.shape, name
        assert torch.equal(actual[name], tensor), name


def check_told(tensors: Tensors, layout: str, family: str, prefix: str) -> Found:
    """The tensors are recognised under any prefix; returns what was found."""
    found = recognise(under(prefix, tensors))
    assert (found.layout.name, found.layout.family) == (layout, family)
    assert found.prefix.startswith(prefix)
    return found


def check_their_model_takes_it(house: House) -> None:
    """What is written back loads into their own class, nothing missing or left over."""
    model = shaken(house.theirs())
    found = recognise(model.state_dict())
    if not found.layout.writes:
        return
    bare = not found.layout.at_home(found.prefix)
    written = from_ours(to_ours(model.state_dict(), found).tensors, found.layout, bare).tensors
    fresh = house.theirs()
    result = fresh.load_state_dict(written, strict=False)
    assert not result.unexpected_keys
    missing = {name for name in result.missing_keys if not name.endswith(RECOMPUTED)}
    assert missing == house.dropped
    for name, tensor in model.state_dict().items():
        assert name in missing or torch.equal(fresh.state_dict()[name], tensor), name


def check_features(house: House, atol: float = 1e-5) -> None:
    """Their model and ours, filled by way of the tables, see the same in an image."""
    their_model = shaken(house.theirs())
    encoder = encoder_of(their_model.state_dict())
    our_model = house.ours().eval()
    result = our_model.load_state_dict(encoder, strict=False)
    assert not result.unexpected_keys
    assert {n for n in result.missing_keys if not n.endswith(RECOMPUTED)} == house.lacking
    images = torch.randn(2, 3, *house.images, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = house.their_features(their_model, images)
        actual = house.our_features(our_model, images)
    assert expected.std() > 0.1, 'features that are all alike prove nothing'
    torch.testing.assert_close(actual, expected, atol=atol, rtol=0)
