"""SimMIM with equal weights and masks against mmpretrain's and Hugging Face's.

Where the others' definitions differ from ours: Hugging Face takes any mask over the
patches of the first level, ours covers whole cells that the decoder predicts; both
others decode the whole image and mask the error afterwards; Hugging Face adds 1e-5 to
the number of masked pixels. The targets here are raw pixels, the only ones that both
know; SwinV2 was released with ``LocalNormTarget``, which ``test_targets`` checks.
"""

import pytest
import torch
import transformers
from mmpretrain.models.selfsup.simmim import SimMIM as TheirSimMIM
from mmpretrain.structures import DataSample

from mim_secrets.checkpoint.layouts import to_ours
from mim_secrets.models import MaskedImageModel, SimMIM
from tests.models.oracles import gradients, shake

ARCH = dict(embed_dims=24, depths=[2, 2, 2], num_heads=[2, 2, 4])
SIZE, WINDOW, STRIDE = 96, 6, 16
SWIN = dict(type='mim_secrets.Swin', arch=ARCH, window_size=WINDOW, out_indices=[2])
V2 = dict(SWIN, type='mim_secrets.SwinV2', arch=dict(ARCH, extra_norm_every_n_blocks=0))
VIT = dict(embed_dims=32, num_layers=3, num_heads=4, feedforward_channels=64)


def ours(backbone: dict, size: int, unit: int = 1) -> SimMIM:
    return SimMIM(
        backbone=dict(img_size=size, with_mask_token=True, drop_path_rate=0.0, **backbone),
        neck=dict(type='mim_secrets.SimMIMDecoder'),
        head=dict(type='mim_secrets.PixelHead', norm_pix=False, criterion='l1'),
        masking=dict(type='mim_secrets.RandomMasking', ratio=0.6, unit=unit),
    )


def their_swin() -> TheirSimMIM:
    return TheirSimMIM(
        backbone=dict(
            type='mmpretrain.SimMIMSwinTransformer',
            arch=ARCH,
            img_size=SIZE,
            drop_path_rate=0.0,
            out_indices=[2],
            stage_cfgs=dict(block_cfgs=dict(window_size=WINDOW)),
        ),
        neck=dict(type='mmpretrain.SimMIMLinearDecoder', in_channels=24 * 4, encoder_stride=STRIDE),
        head=dict(
            type='mmpretrain.SimMIMHead',
            patch_size=4,
            loss=dict(type='mmpretrain.PixelReconstructionLoss', criterion='L1', channel=3),
        ),
        data_preprocessor=dict(type='mmpretrain.SelfSupDataPreprocessor'),
    )


def masked_cells(model: MaskedImageModel, images: torch.Tensor, mask, side: int) -> torch.Tensor:
    """(B, H / side, W / side): whether the model's mask covers each small square."""
    flags = mask.binary().unflatten(1, model.grid(images))
    factor = model.patch_size // side
    return flags.repeat_interleave(factor, 1).repeat_interleave(factor, 2)


def assert_close(actual: dict, expected: dict) -> None:
    """Gradients differ by less than 1e-4 of their size."""
    assert actual.keys() == expected.keys()
    for name, gradient in expected.items():
        error = (actual[name] - gradient).norm() / gradient.norm()
        assert error < 1e-4, f'{name}: gradients differ by {error:.1e} relative'


def test_swin_agrees_with_mmpretrain() -> None:
    """Breaks on any change of mathematics: what the mask token replaces, which cells a
    mask covers, the order of pixels in a patch, the mean of the loss. Their file loads
    as it is, ``neck.decoder.0`` and buffers included."""
    torch.manual_seed(0)
    their_model = their_swin()
    their_model.init_weights()
    shake(their_model)
    our_model = ours(SWIN, SIZE)
    our_model.load_state_dict(their_model.state_dict(), strict=True)
    images = torch.randn(2, 3, SIZE, SIZE)
    mask = our_model.draw_mask(images)
    samples = [
        DataSample().set_mask(cells) for cells in masked_cells(our_model, images, mask, 4).int()
    ]

    their_loss = their_model.loss(images, samples)['loss']
    our_loss = our_model.loss(images, mask=mask)['loss']
    torch.testing.assert_close(our_loss, their_loss, rtol=1e-5, atol=0)
    expected = gradients(their_model, their_loss)
    assert_close(gradients(our_model, our_loss), expected)


HF = dict(image_size=SIZE, patch_size=4, embed_dim=24, depths=ARCH['depths'])
HF.update(num_heads=ARCH['num_heads'], window_size=WINDOW, encoder_stride=STRIDE)
HF.update(drop_path_rate=0.0)
HF_VIT = dict(image_size=64, patch_size=8, encoder_stride=8, hidden_size=32)
HF_VIT.update(num_hidden_layers=3, num_attention_heads=4, intermediate_size=64)
HF_VIT.update(layer_norm_eps=1e-6, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
# theirs, ours, side of an image, patches per side of a cell that is masked, of a patch
HOUSES = {
    'SwinV2': (
        lambda: transformers.Swinv2ForMaskedImageModeling(transformers.Swinv2Config(**HF)),
        V2,
        (SIZE, 1, 4),
    ),
    'Swin': (
        lambda: transformers.SwinForMaskedImageModeling(transformers.SwinConfig(**HF)),
        SWIN,
        (SIZE, 1, 4),
    ),
    'ViT': (
        lambda: transformers.ViTForMaskedImageModeling(transformers.ViTConfig(**HF_VIT)),
        dict(type='mim_secrets.ViT', arch=VIT, patch_size=8, out_type='raw'),
        (64, 2, 8),
    ),
}


@pytest.mark.parametrize('house', HOUSES)
def test_encoders_agree_with_hugging_face(house: str) -> None:
    """Breaks when a mask token stands elsewhere, when a cell of several patches is torn,
    or when the tables of ``mim_secrets.checkpoint.layouts`` mix up names or channels."""
    build, backbone, (size, unit, side) = HOUSES[house]
    torch.manual_seed(0)
    their_model = build()
    shake(their_model)
    our_model = ours(backbone, size, unit)
    tensors = to_ours(their_model.state_dict()).tensors
    result = our_model.load_state_dict(tensors, strict=False)
    assert not result.unexpected_keys
    assert all('relative' in name for name in result.missing_keys), 'buffers alone'
    images = torch.randn(2, 3, size, size)
    mask = our_model.draw_mask(images)
    cells = masked_cells(our_model, images, mask, side)

    theirs = their_model.train()(images, bool_masked_pos=cells.flatten(1))
    our_loss = our_model.loss(images, mask=mask)['loss']
    torch.testing.assert_close(our_loss, theirs.loss, rtol=1e-5, atol=0)
    expected = to_ours(gradients(their_model, theirs.loss)).tensors
    assert_close(gradients(our_model, our_loss), expected)
