"""Layouts of Swin and SwinV2: told, lossless, and equal in features.

As in ``test_layouts_vit``, a house that is installed is a row of ``HOUSES``. Those
that are not stand in ``test_layouts_swin_lists``.
"""

import mmdet.models.backbones as mmdet
import mmpretrain.models.backbones as mmpretrain
import pytest
import timm
import torch
import transformers

from mim_secrets.models import Swin, SwinV2
from tests.checkpoint.layout_checks import (
    PREFIXES,
    House,
    as_parameters,
    check_features,
    check_round_trip,
    check_their_model_takes_it,
    check_told,
    parameters_of,
    shaken,
    under,
)

DIMS, DEPTHS, HEADS, WINDOW, SIZE = 12, [2, 1, 1], [1, 2, 3], 4, 64
ARCH = dict(embed_dims=DIMS, depths=DEPTHS, num_heads=HEADS)
V2 = dict(extra_norm_every_n_blocks=0)
TIMM = dict(img_size=SIZE, window_size=WINDOW, embed_dim=DIMS, depths=DEPTHS, num_heads=HEADS)
HF = dict(image_size=SIZE, patch_size=4, embed_dim=DIMS, depths=DEPTHS, num_heads=HEADS)
HF.update(window_size=WINDOW, drop_path_rate=0.0)


def ours(kind: type, window: int = WINDOW, size: int = SIZE, **options):
    arch = ARCH if kind is Swin else {**ARCH, **V2}
    return lambda: kind(arch, img_size=size, window_size=window, out_indices=[2], **options)


def of_mmpretrain(kind: type):
    arch = ARCH if kind is mmpretrain.SwinTransformer else {**ARCH, **V2}
    return lambda: kind(arch, img_size=SIZE, window_size=WINDOW, out_indices=[2])


def of_timm(name: str, **options):
    return lambda: timm.create_model(name, **{**TIMM, **options})


def map_of_timm(model, images: torch.Tensor) -> torch.Tensor:
    return model.forward_features(images).permute(0, 3, 1, 2)


def map_of_hf(model, images: torch.Tensor) -> torch.Tensor:
    tokens = getattr(model, model.base_model_prefix, model)(images).last_hidden_state
    side = int(tokens.shape[1] ** 0.5)
    return tokens.transpose(1, 2).unflatten(2, (side, side))


def last(model, images: torch.Tensor) -> torch.Tensor:
    return model(images)[-1]


HOUSES = {
    'timm': House(
        'timm', of_timm('swin_tiny_patch4_window7_224'), map_of_timm, ours(Swin), last,
    ),
    'timm V2': House(
        'timm', of_timm('swinv2_tiny_window8_256'), map_of_timm, ours(SwinV2), last,
    ),
    'Hugging Face': House(
        'huggingface',
        lambda: transformers.SwinModel(transformers.SwinConfig(**HF), add_pooling_layer=False),
        map_of_hf, ours(Swin), last,
    ),
    'Hugging Face V2': House(
        'huggingface',
        lambda: transformers.Swinv2Model(transformers.Swinv2Config(**HF)),
        map_of_hf, ours(SwinV2), last,
    ),
    'Hugging Face classifier': House(
        'huggingface',
        lambda: transformers.SwinForImageClassification(transformers.SwinConfig(**HF)),
        map_of_hf, ours(Swin), last,
    ),
    'Hugging Face SimMIM V2': House(
        'huggingface',
        lambda: transformers.Swinv2ForMaskedImageModeling(
            transformers.Swinv2Config(**HF, encoder_stride=16)
        ),
        map_of_hf, ours(SwinV2, with_mask_token=True), last,
    ),
    'mmpretrain': House(
        'mim_secrets', of_mmpretrain(mmpretrain.SwinTransformer), last, ours(Swin), last,
    ),
    'mmpretrain V2': House(
        'mim_secrets', of_mmpretrain(mmpretrain.SwinTransformerV2), last, ours(SwinV2), last,
    ),
    'mmdet': House(
        'mim_secrets',
        lambda: mmdet.SwinTransformer(
            SIZE, embed_dims=DIMS, depths=DEPTHS, num_heads=HEADS, window_size=WINDOW,
            strides=(4, 2, 2), out_indices=(2,),
        ),
        last, ours(Swin), last,
    ),
}  # fmt: skip


def family(name: str) -> str:
    return 'swin_v2' if 'V2' in name else 'swin'


def images_of(house: House) -> House:
    return House(**{**vars(house), 'images': (SIZE, SIZE)})


@pytest.mark.parametrize('prefix', PREFIXES)
@pytest.mark.parametrize('name', HOUSES)
def test_a_house_is_told_and_comes_back(name: str, prefix: str) -> None:
    """Breaks when V1 and V2 or two houses are mixed up, under whatever prefix, or when
    a parameter is lost, changed or renamed on the way to ours and back."""
    house = HOUSES[name]
    tensors = under(prefix, parameters_of(shaken(house.theirs())))
    found = check_told(tensors, house.layout, family(name), '')
    assert found.prefix.startswith(prefix)
    check_round_trip(tensors, found, frozenset(prefix + name for name in house.dropped))


@pytest.mark.parametrize('house', as_parameters(HOUSES))
def test_their_model_loads_what_we_write(house: House) -> None:
    """Breaks when a name or shape that is written is not one of theirs."""
    check_their_model_takes_it(house)


@pytest.mark.parametrize('house', as_parameters(HOUSES))
def test_features_are_theirs(house: House) -> None:
    """Breaks when a patch merging moves to another stage, when its channels stand in
    another order, or when queries, keys and values are mixed up."""
    check_features(images_of(house), atol=1e-5)


@pytest.mark.slow
def test_the_real_tiny_swin_v2_of_timm() -> None:
    """Breaks when what holds for three narrow stages does not hold for a real model."""
    real = House(
        'timm',
        lambda: timm.create_model('swinv2_tiny_window8_256'),
        map_of_timm,
        lambda: SwinV2('tiny', img_size=256, window_size=8),
        last,
        images=(256, 256),
    )
    check_told(real.theirs().state_dict(), 'timm', 'swin_v2', '')
    check_features(real)
    check_their_model_takes_it(real)
