"""SimMIM's decoder against a convolution and a pixel shuffle over the whole map."""

import pytest
import torch
from torch import nn

from mim_secrets.models import Mask, PixelHead, RandomMasking, SimMIM, SimMIMDecoder

DIMS, SIDE = 12, 4


def decoder() -> SimMIMDecoder:
    torch.manual_seed(0)
    return SimMIMDecoder(DIMS, grid=(3, 5), out_dims=SIDE * SIDE * 3)


@pytest.mark.parametrize('extra', [0, 1])
@pytest.mark.parametrize('grid', [(3, 5), (4, 4)])
@pytest.mark.parametrize('asked_share', [1.0, 0.3])
def test_answers_are_those_of_a_shuffle(grid, extra, asked_share) -> None:
    """Breaks when channels and pixels of a patch change places, when an extra token
    shifts all others, or when an answer belongs to another patch."""
    neck = decoder()
    latent = torch.randn(2, extra + grid[0] * grid[1], DIMS)
    mask = RandomMasking(0.6, asked_share=asked_share)(2, grid, torch.device('cpu'))
    maps = latent[:, extra:].transpose(1, 2).unflatten(2, grid)
    image = nn.PixelShuffle(SIDE)(neck.decoder[0](maps))  # (B, 3, H, W)

    answers = neck(latent, mask, grid)
    head = PixelHead(SIDE, norm_pix=False)
    torch.testing.assert_close(answers, head.pixels(image, mask.asked))
    patches = head.to_patches(answers, image, mask.asked)
    first = int(mask.asked[0, 0])
    row, column = SIDE * (first // grid[1]), SIDE * (first % grid[1])
    expected = image[0, :, row : row + SIDE, column : column + SIDE]
    torch.testing.assert_close(patches[0, 0], expected)


def test_only_the_token_of_a_patch_answers_for_it() -> None:
    """Breaks when the decoder mixes tokens, which would make it more than linear."""
    neck = decoder()
    latent = torch.randn(1, 15, DIMS)
    mask = Mask(torch.arange(7)[None], torch.arange(7, 15)[None])
    before = neck(latent, mask, (3, 5))
    latent[0, 9] += 1
    changed = (neck(latent, mask, (3, 5)) != before).any(dim=-1)[0]
    assert changed.nonzero().flatten().tolist() == [2]


def test_the_name_keeps_its_promise() -> None:
    """Breaks when a SimMIM may be built that never sees its mask tokens."""
    arch = dict(embed_dims=24, num_layers=2, num_heads=2, feedforward_channels=24)
    encoder = dict(type='mim_secrets.ViT', arch=arch, img_size=32, patch_size=8, out_type='raw')
    parts = dict(
        head=dict(type='mim_secrets.PixelHead'), masking=dict(type='mim_secrets.RandomMasking')
    )
    with pytest.raises(ValueError, match='SimMIM needs a decoder that reads the whole map'):
        SimMIM(encoder, dict(type='mim_secrets.MAEDecoder'), **parts)
    model = SimMIM(encoder, dict(type='mim_secrets.SimMIMDecoder'), **parts)
    with pytest.raises(ValueError, match='set with_mask_token=True'):
        model.loss(torch.zeros(1, 3, 32, 32))
