"""Fusion of levels: values, gradients, options, and what is refused."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from mim_secrets.models import MultiLevelFusion, default_levels

LEVELS = [1, 3, 5]


def plain_fusion(depth: int, *args, **options) -> MultiLevelFusion:
    """Of an encoder whose levels are all alike."""
    return MultiLevelFusion([8] * depth, [16] * depth, *args, **options)


def outputs(requires_grad: bool = False) -> dict[int, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        level: torch.randn(2, 7, 8, generator=generator).requires_grad_(requires_grad)
        for level in LEVELS
    }


def linear(layer: torch.nn.Linear, tokens: np.ndarray) -> np.ndarray:
    return tokens @ layer.weight.detach().numpy().T + layer.bias.detach().numpy()


def gelu(x: np.ndarray) -> np.ndarray:
    erf = torch.erf(torch.from_numpy(x) / 2**0.5).numpy()
    return 0.5 * x * (1 + erf)


@pytest.mark.parametrize(
    ('depth', 'levels'),
    [
        (12, [0, 2, 4, 6, 8, 11]),
        (24, [0, 4, 8, 12, 16, 23]),
        (32, [0, 5, 10, 16, 21, 31]),
        (6, [0, 1, 2, 3, 4, 5]),
        (3, [0, 1, 2]),
    ],
)
def test_default_levels_follow_the_stated_rule(depth: int, levels: list[int]) -> None:
    """Breaks when the released levels of ViT-B, or the rule for others, change."""
    assert default_levels(depth) == levels


@pytest.mark.parametrize('projection', ['linear', 'mlp'])
@pytest.mark.parametrize('fusion', ['weighted', 'fixed'])
def test_the_sum_is_what_numpy_says(fusion: str, projection: str) -> None:
    """Breaks when a weight meets another level, or the last level is projected."""
    weights = [0.5, 0.2, 0.9] if fusion == 'fixed' else None
    module = plain_fusion(6, LEVELS, fusion, projection, weights)
    if fusion == 'weighted':
        module.level_logits.data = torch.tensor([0.3, -1.0, 2.0])
        exponents = np.exp([0.3, -1.0, 2.0])
        weights = exponents / exponents.sum()
    levels = outputs()
    expected = weights[2] * levels[5].numpy()
    for level, layer, weight in zip(LEVELS, module.projections, weights, strict=False):
        tokens = levels[level].numpy()
        if projection == 'mlp':
            tokens = linear(layer[2], gelu(linear(layer[0], tokens)))
        else:
            tokens = linear(layer, tokens)
        expected = expected + weight * tokens
    np.testing.assert_allclose(module(levels).detach().numpy(), expected, atol=1e-5)


def test_attention_is_what_numpy_says() -> None:
    """Breaks when queries are not the last level, or a level is left out of the keys."""
    module = plain_fusion(6, LEVELS, 'attention', num_heads=2)
    module.init_weights()
    levels = outputs()
    attention = module.attention
    last = levels[5].numpy()
    memory = [linear(p, levels[i].numpy()) for p, i in zip(module.projections, LEVELS)]
    embed = module.level_embed.detach().numpy()
    memory = np.concatenate([tokens + embed[k] for k, tokens in enumerate([*memory, last])], axis=1)
    weight = attention.in_proj_weight.detach().numpy()
    bias = attention.in_proj_bias.detach().numpy()
    query, key, value = (
        (x @ weight[8 * i : 8 * i + 8].T + bias[8 * i : 8 * i + 8]).reshape(2, -1, 2, 4)
        for i, x in enumerate([last, memory, memory])
    )
    scores = np.einsum('bqhd,bkhd->bhqk', query, key) / 2.0
    shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    mixed = np.einsum('bhqk,bkhd->bqhd', shares, value).reshape(2, 7, 8)
    expected = linear(attention.out_proj, mixed)
    np.testing.assert_allclose(module(levels).detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize('fusion', ['weighted', 'fixed', 'attention'])
def test_every_level_and_parameter_gets_a_gradient(fusion: str) -> None:
    """Breaks when a level is detached or a parameter is never used (which would
    stop distributed training)."""
    weights = [0.5, 0.2, 0.9] if fusion == 'fixed' else None
    module = plain_fusion(6, LEVELS, fusion, weights=weights)
    levels = outputs(requires_grad=True)
    module(levels).square().sum().backward()
    for level in LEVELS:
        assert levels[level].grad.abs().sum() > 0
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().sum() > 0, name


def test_weights_start_equal_and_sum_to_one() -> None:
    """Breaks when the released start of 1/K each, or the softmax, is lost."""
    module = plain_fusion(12)
    torch.testing.assert_close(module.level_weights(), torch.full((6,), 1 / 6))
    module.level_logits.data.normal_()
    assert module.level_weights().sum().item() == pytest.approx(1.0)


def test_one_level_is_the_encoder_itself() -> None:
    """Breaks when fusing the last block alone is anything but that block."""
    module = plain_fusion(6, levels=[5])
    tokens = torch.randn(2, 7, 8)
    assert torch.equal(module({5: tokens}), tokens)


@pytest.mark.parametrize('levels', [[1, 0, 5], [0, 0, 5], [0, 2], [0, 6], [-1, 5], [], [0, 5, 6]])
def test_levels_that_make_no_sense_are_refused(levels: list[int]) -> None:
    """Breaks when the released code's traps come back: an unsorted or repeated
    level projects the wrong one, a level beyond the depth is never collected."""
    with pytest.raises(ValueError, match='in rising order, each once, ending with'):
        plain_fusion(6, levels)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(fusion='mean'), "choose 'weighted', 'fixed', 'attention' or 'none'"),
        (dict(projection='conv'), "choose 'linear' or 'mlp'"),
        (dict(fusion='fixed'), 'give weights'),
        (dict(weights=[1, 2, 3]), 'give weights'),
        (dict(fusion='fixed', weights=[1.0]), 'one weight per level'),
    ],
)
def test_options_that_contradict_are_refused(options: dict, message: str) -> None:
    """Breaks when an option is silently ignored."""
    with pytest.raises(ValueError, match=message):
        plain_fusion(6, LEVELS, **options)


def pyramid() -> dict[int, torch.Tensor]:
    """Maps of three stages, each half as large and twice as wide as the one before."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 8, 12, 4), (2, 4, 6, 8), (2, 2, 3, 16)]
    return {i: torch.randn(shape, generator=generator) for i, shape in enumerate(shapes)}


def test_levels_of_a_pyramid_meet_on_the_last_grid() -> None:
    """Breaks when tokens are gathered from elsewhere than where the last level's token
    lies, which a strided convolution, written another way, would not do."""
    module = MultiLevelFusion([4, 8, 16], [4, 8, 16])
    maps = pyramid()
    actual = module(maps)
    assert actual.shape == (2, 6, 16)
    expected = maps[2].permute(0, 3, 1, 2) / 3
    for stage, side in [(0, 4), (1, 2)]:
        layer = module.projections[stage]
        kernel = layer.weight.unflatten(1, (side, side, -1)).permute(0, 3, 1, 2)
        level = maps[stage].permute(0, 3, 1, 2)
        expected = expected + F.conv2d(level, kernel, layer.bias, stride=side) / 3
    torch.testing.assert_close(actual, expected.flatten(2).mT, atol=1e-5, rtol=1e-5)


def test_a_pyramid_without_fusion_hands_on_the_last_map() -> None:
    """Breaks when the tokens of the last map are reordered."""
    maps = pyramid()
    module = MultiLevelFusion([4, 8, 16], [4, 8, 16], fusion='none')
    assert torch.equal(module(maps), maps[2].reshape(2, 6, 16))


def test_every_stream_has_weights_of_its_own() -> None:
    """Breaks when the blocks of a decoder share their proportions of levels, or a
    stream is another sum than the module with one stream makes of the same weights."""
    several = plain_fusion(6, LEVELS, streams=3)
    with torch.no_grad():
        several.level_logits.copy_(torch.randn(3, 3))
    streams = several(outputs())
    assert streams.shape == (3, 2, 7, 8)
    single = plain_fusion(6, LEVELS)
    for logits, stream in zip(several.level_logits, streams, strict=True):
        state = {**several.state_dict(), 'level_logits': logits}
        single.load_state_dict(state)
        torch.testing.assert_close(stream, single(outputs()))
    assert several.level_weights().sum().item() == pytest.approx(1)
    with pytest.raises(ValueError, match="only 'weighted'"):
        plain_fusion(6, LEVELS, fusion='attention', streams=3)
