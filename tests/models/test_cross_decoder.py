"""The cross-attention decoder beside NumPy, and decoding less than everything."""

import numpy as np
import pytest
import torch

from mim_secrets.models import CrossDecoder, Mask, MultiLevelFusion
from mim_secrets.models.patches import sincos_positions
from mim_secrets.visualization import fixed_mask, reconstruction_grid
from tests.models.oracles import gradients, shake
from tests.models.small import small_model

GRID = (3, 4)
CROSS = dict(type='mim_secrets.CrossDecoder', dims=32, depth=2, num_heads=4)
STREAMS = dict(type='mim_secrets.MultiLevelFusion', streams=2)


@pytest.fixture
def decoder() -> CrossDecoder:
    """Of three blocks 16 wide, for encoders 8 wide, with no weight at a round value."""
    torch.manual_seed(0)
    decoder = CrossDecoder(8, GRID, out_dims=5, dims=16, depth=3, num_heads=2)
    decoder.init_weights()
    shake(decoder)
    return decoder


def draw_mask(asked: int = 7) -> Mask:
    """Two images of 12 patches: 4 seen, 8 masked, some of these asked for."""
    generator = torch.Generator().manual_seed(1)
    order = torch.stack([torch.randperm(12, generator=generator) for _ in range(2)])
    return Mask(order[:, :4], order[:, 4:], order[:, 4 : 4 + asked])


def memory(*shape: int) -> torch.Tensor:
    """Random tokens (shape, 2, 1 + 4, 8), as encoded."""
    return torch.randn(*shape, 2, 5, 8, generator=torch.Generator().manual_seed(2))


def numbers(module: torch.nn.Module) -> dict[str, np.ndarray]:
    return {name: tensor.double().numpy() for name, tensor in module.state_dict().items()}


def linear(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    return x @ weights[f'{name}.weight'].T + weights[f'{name}.bias']


def layer_norm(x: np.ndarray, weights: dict[str, np.ndarray], name: str) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    normed = centred / np.sqrt(x.var(-1, keepdims=True) + 1e-6)
    return normed * weights[f'{name}.weight'] + weights[f'{name}.bias']


def gelu(x: np.ndarray) -> np.ndarray:
    return 0.5 * x * (1 + torch.erf(torch.from_numpy(x) / 2**0.5).numpy())


def numpy_block(
    query: np.ndarray, seen: np.ndarray, weights: dict[str, np.ndarray], name: str
) -> np.ndarray:
    """One query (E,) looks at the seen tokens (V, E) of its image, by two heads."""
    asks = linear(layer_norm(query, weights, f'{name}.ln1'), weights, f'{name}.query')
    keys, values = np.split(linear(seen, weights, f'{name}.key_value'), 2, axis=-1)
    mixed = []
    for head in (slice(0, 8), slice(8, 16)):
        scores = np.exp(keys[:, head] @ asks[head] / np.sqrt(8))
        mixed.append((scores / scores.sum()) @ values[:, head])
    query = query + linear(np.concatenate(mixed), weights, f'{name}.proj')
    hidden = linear(layer_norm(query, weights, f'{name}.ln2'), weights, f'{name}.ffn.layers.0.0')
    return query + linear(gelu(hidden), weights, f'{name}.ffn.layers.1')


def numpy_decoder(decoder: CrossDecoder, streams: list[torch.Tensor], mask: Mask) -> np.ndarray:
    """Every query of every image by itself, block after block."""
    weights = numbers(decoder)
    positions = sincos_positions(GRID, 16)[0, 1:].double().numpy()
    embedded = [linear(s.double().numpy(), weights, 'decoder_embed') for s in streams]
    answers = np.zeros((*mask.asked.shape, 5))
    for image, number in np.ndindex(*mask.asked.shape):
        query = weights['mask_token'][0, 0] + positions[mask.asked[image, number]]
        for block, stream in enumerate(embedded):
            query = numpy_block(query, stream[image], weights, f'decoder_blocks.{block}')
        answers[image, number] = linear(layer_norm(query, weights, 'ln1'), weights, 'decoder_pred')
    return answers


@pytest.mark.parametrize('several', [False, True])
def test_predictions_are_what_numpy_says(decoder: CrossDecoder, several: bool) -> None:
    """Breaks when queries see each other, a block reads another's stream, a norm or a
    residual is missing, or a query stands at another patch's place."""
    latent = memory(3) if several else memory()
    mask = draw_mask()
    with torch.no_grad():
        actual = decoder(latent, mask, GRID)
    streams = list(latent) if several else [latent] * 3
    np.testing.assert_allclose(actual.numpy(), numpy_decoder(decoder, streams, mask), atol=2e-6)


def test_a_patch_is_predicted_alike_whoever_else_is_asked(decoder: CrossDecoder) -> None:
    """Breaks when what is said of a patch depends on which others are asked for."""
    everything = draw_mask(asked=8)
    few = everything._replace(some=everything.masked[:, [6, 1, 3]])
    predicted = decoder(memory(), everything, GRID)[:, [6, 1, 3]]
    torch.testing.assert_close(decoder(memory(), few, GRID), predicted, rtol=1e-6, atol=1e-6)


def test_equal_streams_are_one_stream(decoder: CrossDecoder) -> None:
    """Breaks when several streams go another way through the decoder than one."""
    mask = draw_mask()
    one, three = memory(), memory().expand(3, -1, -1, -1)
    torch.testing.assert_close(decoder(three, mask, GRID), decoder(one, mask, GRID))


def test_a_wrong_number_of_streams_is_refused(decoder: CrossDecoder) -> None:
    """Breaks when blocks without a stream, or streams without a block, go unnoticed."""
    with pytest.raises(ValueError, match='gives 2 streams for 3 blocks; set fusion.streams=3'):
        decoder(memory(2), draw_mask(), GRID)


@pytest.mark.parametrize('fusion', [STREAMS, dict(STREAMS, streams=1)])
def test_gradients_reach_every_parameter(fusion: dict) -> None:
    """Breaks when a parameter is never used, which would stop distributed training."""
    model = small_model('MFF', neck=CROSS, fusion=fusion)
    shake(model)
    loss = model.loss(torch.randn(2, 3, 32, 32))['loss']
    grads = gradients(model, loss)
    unmoved = {name for name, grad in grads.items() if not grad.abs().sum() > 1e-9}
    assert not unmoved


def test_streams_are_those_of_the_fusion() -> None:
    """Breaks when the encoder's last norm, or the order of streams, is lost between
    fusion and decoder."""
    model = small_model('MFF', neck=CROSS, fusion=STREAMS).eval()
    shake(model)
    images = torch.randn(2, 3, 32, 32)
    mask = model.draw_mask(images)
    levels = model.backbone.forward_visible(images, mask.visible, model.levels)
    streams = model.encode(images, mask)
    assert isinstance(model.fusion, MultiLevelFusion)
    torch.testing.assert_close(streams, model.backbone.ln1(model.fusion(levels)))
    assert not torch.allclose(streams[0], streams[1])
    expected = model.neck(streams, mask, (4, 4))
    torch.testing.assert_close(model.predict_masked(images, mask), expected)


@pytest.mark.parametrize('neck', [CROSS, dict(CROSS, type='mim_secrets.MAEDecoder')])
def test_only_what_is_asked_for_is_decoded_and_counts(neck: dict) -> None:
    """Breaks when a share of the masked patches is asked for and another one is
    decoded, or patches that were not asked for enter the loss."""
    masking = dict(type='mim_secrets.RandomMasking', ratio=0.75, asked_share=0.25)
    model = small_model('MFF', neck=neck, masking=masking)
    images = torch.randn(2, 3, 32, 32)
    mask = model.draw_mask(images)
    assert mask.asked.shape == (2, 3) and mask.masked.shape == (2, 12)
    assert all(set(a.tolist()) <= set(m.tolist()) for a, m in zip(mask.asked, mask.masked))
    predicted = model.predict_masked(images, mask)
    assert predicted.shape == (2, 3, 8 * 8 * 3)
    target = model.head.target(images, mask.asked)
    expected = (predicted - target).square().mean()
    torch.testing.assert_close(model.loss(images, mask=mask)['loss'], expected)


def test_maes_decoder_does_not_see_what_is_not_asked_for() -> None:
    """Breaks when tokens of unasked patches still take part, and time, in attention."""
    model = small_model('MFF').eval()
    images = torch.randn(2, 3, 32, 32)
    mask = model.draw_mask(images)
    some = mask._replace(some=mask.masked[:, :5])
    lengths = []
    for block in model.neck.decoder_blocks:
        block.register_forward_pre_hook(lambda _, tokens: lengths.append(tokens[0].shape[1]))
    few = model.predict_masked(images, some)
    assert few.shape[1] == 5
    assert set(lengths) == {1 + 4 + 5}
    assert not torch.allclose(few, model.predict_masked(images, mask)[:, :5], atol=1e-4)


def test_several_masks_are_drawn_for_an_image_that_is_repeated() -> None:
    """Breaks when masks are repeated instead of images, or an image meets the masks
    of another."""
    masking = dict(type='mim_secrets.RandomMasking', ratio=0.75, masks_per_image=4)
    model = small_model('MFF', masking=masking).eval()
    images = torch.randn(3, 3, 32, 32)
    mask = model.draw_mask(images)
    assert mask.visible.shape == (12, 4)
    assert len({tuple(ids.tolist()) for ids in mask.visible.sort(dim=1).values}) > 9
    separately = []
    for number in range(12):
        one = Mask(*(None if ids is None else ids[number : number + 1] for ids in mask))
        image = images[number // 4 : number // 4 + 1]
        separately.append(model.loss(image, mask=one)['loss'])
    expected = torch.stack(separately).mean()
    torch.testing.assert_close(model.loss(images, mask=mask)['loss'], expected)
    assert model.reconstruct(images).pasted.shape == images.shape


def test_a_picture_shows_one_of_an_images_masks() -> None:
    """Breaks when a sheet of reconstructions has more masks than images, which stopped
    training at the first picture."""
    masking = dict(type='mim_secrets.RandomMasking', ratio=0.75, masks_per_image=4)
    model = small_model('MFF', masking=masking).eval()
    images = torch.randn(2, 3, 32, 32)
    mask = fixed_mask(model, images, seed=0)
    pictures = model.reconstruct(images, mask)
    assert reconstruction_grid(pictures, mask, model.data_preprocessor).ndim == 3
    assert torch.equal(pictures.masked == 0, pictures.pasted != images)
