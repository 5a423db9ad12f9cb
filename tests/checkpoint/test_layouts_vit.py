"""Layouts of plain vision transformers: told, lossless, and equal in features.

A house that is installed is a row of ``HOUSES``, with its own model. Those that are
not stand in ``test_layouts_vit_lists``.
"""

import mmpretrain.models.backbones as mmpretrain
import mmseg.models.backbones as mmseg
import pytest
import timm
import torch
import transformers
from mmpose.registry import MODELS as POSE_MODELS

from mim_secrets.checkpoint.layouts import to_ours
from mim_secrets.models import MAE, ViT
from mim_secrets.models.selfsup.masking import Mask
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
from tests.models.oracles import theirs as mmpretrain_mim
from tests.models.small import small_config

DIMS, DEPTH, HEADS, HIDDEN, PATCH, SIZE = 48, 2, 4, 96, 8, 32
ARCH = dict(embed_dims=DIMS, num_layers=DEPTH, num_heads=HEADS, feedforward_channels=HIDDEN)
ROWS = (SIZE // PATCH) ** 2 + 1
TIMM = dict(img_size=SIZE, patch_size=PATCH, embed_dim=DIMS, depth=DEPTH, num_heads=HEADS)
HF = dict(
    image_size=SIZE,
    patch_size=PATCH,
    hidden_size=DIMS,
    num_hidden_layers=DEPTH,
    num_attention_heads=HEADS,
    intermediate_size=HIDDEN,
    layer_norm_eps=1e-6,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
)


def ours(**options):
    options = {'img_size': SIZE, 'patch_size': PATCH, 'out_type': 'tokens', **options}
    return lambda: ViT(ARCH, **options)


def of_timm(name: str, **options):
    return lambda: timm.create_model(name, **TIMM, mlp_ratio=HIDDEN / DIMS, **options)


def of_mmpretrain(name: str, **options):
    options = {'arch': ARCH, 'img_size': SIZE, 'patch_size': PATCH, **options}
    return lambda: getattr(mmpretrain, name)(**options)


def last(model, images: torch.Tensor) -> torch.Tensor:
    return model(images)[-1]


def first(model, images: torch.Tensor) -> torch.Tensor:
    return model(images)[0]


def pooled_by_timm(model, images: torch.Tensor) -> torch.Tensor:
    return model.forward_head(model.forward_features(images), pre_logits=True)


def unshuffled(model, images: torch.Tensor) -> torch.Tensor:
    """Hugging Face's MAE sorts the patches by noise; rising noise leaves them in order."""
    noise = torch.arange(ROWS - 1.0).expand(len(images), -1)
    return model(images, noise=noise).last_hidden_state


def pose_estimator():
    size = (64, 48)  # width first, as mmpose has it
    backbone = dict(
        type='mmpretrain.VisionTransformer',
        arch=ARCH,
        img_size=size[::-1],
        patch_size=PATCH,
        out_type='featmap',
        with_cls_token=False,
        patch_cfg=dict(padding=2),
    )
    codec = dict(type='UDPHeatmap', input_size=size, heatmap_size=(16, 12), sigma=2)
    head = dict(
        type='mmpose.HeatmapHead',
        in_channels=DIMS,
        out_channels=3,
        deconv_out_channels=(8,),
        deconv_kernel_sizes=(4,),
        loss=dict(type='mmpose.KeypointMSELoss'),
        decoder=codec,
    )
    return POSE_MODELS.build(dict(type='mmpose.TopdownPoseEstimator', backbone=backbone, head=head))


NORM = dict(type='LN', eps=1e-6)
SAM_ARCH = {**ARCH, 'global_attn_indexes': [1]}
NO_POSITIONS = frozenset({'pos_embed'})
POOLED = dict(out_type='avg', final_norm=False)
BEIT = dict(relative_position='table', layer_scale_init_value=0.1)
POOLER = frozenset({'pooler.dense.weight', 'pooler.dense.bias'})

HOUSES = {
    'timm': House(
        'timm', of_timm('vit_small_patch16_224'), timm.models.VisionTransformer.forward_features,
        ours(), first,
    ),
    'timm with layer scale': House(
        'timm', of_timm('vit_small_patch16_224', init_values=0.1),
        timm.models.VisionTransformer.forward_features,
        ours(layer_scale_init_value=0.1), first,
    ),
    'timm, pooled': House(
        'timm', of_timm('vit_small_patch16_224', global_pool='avg'), pooled_by_timm,
        ours(**POOLED), first,
    ),
    'timm, norm before the blocks': House(
        'timm', of_timm('vit_small_patch16_224', pre_norm=True),
        timm.models.VisionTransformer.forward_features,
        ours(pre_norm=True), first,
    ),
    'timm Beit': House(
        'beit', of_timm('beit_base_patch16_224'), pooled_by_timm,
        ours(**POOLED, **BEIT), first, lacking=NO_POSITIONS,
    ),
    'timm Beit, one table': House(
        'simmim',
        of_timm('beit_base_patch16_224', use_rel_pos_bias=False, use_shared_rel_pos_bias=True,
                num_classes=0),
        pooled_by_timm, ours(**POOLED, **BEIT), first, lacking=NO_POSITIONS,
    ),
    'Hugging Face': House(
        'huggingface', lambda: transformers.ViTModel(transformers.ViTConfig(**HF)),
        lambda model, images: model(images).last_hidden_state,
        ours(), first, dropped=POOLER,
    ),
    'Hugging Face classifier': House(
        'huggingface',
        lambda: transformers.ViTForImageClassification(transformers.ViTConfig(**HF)),
        lambda model, images: model.vit(images).last_hidden_state,
        ours(), first,
    ),
    'Hugging Face MAE': House(
        'huggingface',
        lambda: transformers.ViTMAEModel(transformers.ViTMAEConfig(**HF, mask_ratio=0.0)),
        unshuffled, ours(), first,
    ),
    'mmpretrain': House(
        'mim_secrets', of_mmpretrain('VisionTransformer', out_type='raw'), last, ours(), first,
    ),
    'mmpretrain BEiT': House(
        'mmpretrain-beit', of_mmpretrain('BEiTViT', norm_cfg=NORM), last,
        ours(**POOLED, **BEIT), first, lacking=NO_POSITIONS,
    ),
    'mmpretrain BEiT with all biases': House(
        'mmseg-mae',
        of_mmpretrain('BEiTViT', norm_cfg=NORM, bias=True, use_abs_pos_emb=True),
        last, ours(**POOLED, **BEIT), first,
    ),
    'mmpretrain ViTSAM': House(
        'mmpretrain-sam',
        of_mmpretrain('ViTSAM', arch=SAM_ARCH, out_channels=0, window_size=3), last,
        ours(out_type='featmap', with_cls_token=False, window_size=3, global_blocks=[1],
             relative_position='decomposed', final_norm=False),
        first,
    ),
    'mmseg': House(
        'mmseg',
        lambda: mmseg.VisionTransformer(
            img_size=SIZE, patch_size=PATCH, embed_dims=DIMS, num_layers=DEPTH, num_heads=HEADS,
            mlp_ratio=HIDDEN // DIMS, final_norm=True, patch_bias=True,
            norm_cfg=NORM,
        ),
        last, ours(out_type='featmap'), first,
    ),
    'mmseg MAE': House(
        'mmseg-mae',
        lambda: mmseg.MAE(
            img_size=SIZE, patch_size=PATCH, embed_dims=DIMS, num_layers=DEPTH, num_heads=HEADS,
            mlp_ratio=HIDDEN // DIMS, final_norm=True, out_indices=[1], init_values=0.5,
            norm_cfg=NORM,
        ),
        last, ours(out_type='featmap', **BEIT), first,
    ),
    'mmpose': House(
        'mim_secrets', pose_estimator, lambda model, images: model.backbone(images)[0],
        ours(img_size=(48, 64), out_type='featmap', with_cls_token=False,
             patch_cfg=dict(padding=2)),
        first, images=(48, 64),
    ),
}  # fmt: skip


@pytest.mark.parametrize('prefix', PREFIXES)
@pytest.mark.parametrize('house', as_parameters(HOUSES))
def test_a_house_is_told_and_comes_back(house: House, prefix: str) -> None:
    """Breaks when a file is taken for another house's, under whatever prefix, or when
    a parameter is lost, changed or renamed on the way to ours and back."""
    tensors = under(prefix, parameters_of(shaken(house.theirs())))
    found = check_told(tensors, house.layout, 'vit', '')
    assert found.prefix.startswith(prefix)
    check_round_trip(tensors, found, frozenset(prefix + name for name in house.dropped))


@pytest.mark.parametrize('house', as_parameters(HOUSES))
def test_their_model_loads_what_we_write(house: House) -> None:
    """Breaks when a name or shape that is written is not one of theirs."""
    check_their_model_takes_it(house)


@pytest.mark.parametrize('house', as_parameters(HOUSES))
def test_features_are_theirs(house: House) -> None:
    """Breaks when values stand in another order, or a tensor lands in a wrong place."""
    check_features(house)


@pytest.mark.slow
def test_the_real_small_vit_of_timm() -> None:
    """Breaks when what holds for two narrow blocks does not hold for a real model."""
    theirs = timm.models.VisionTransformer.forward_features
    real = House(
        'timm',
        lambda: timm.create_model('vit_small_patch16_224'),
        theirs,
        lambda: ViT('small', img_size=224, out_type='tokens'),
        first,
        images=(224, 224),
    )
    check_told(real.theirs().state_dict(), 'timm', 'vit', '')
    check_features(real)
    check_their_model_takes_it(real)


def test_hugging_faces_mae_predicts_what_ours_does() -> None:
    """Breaks when the decoder, its positions or its mask token is mixed up."""
    cfg = transformers.ViTMAEConfig(
        **HF,
        decoder_hidden_size=32,
        decoder_num_hidden_layers=2,
        decoder_num_attention_heads=4,
        decoder_intermediate_size=128,
        mask_ratio=0.75,
    )
    theirs = shaken(transformers.ViTMAEForPreTraining(cfg))
    tensors = theirs.state_dict()
    check_round_trip(tensors, check_told(tensors, 'huggingface', 'vit', ''))
    our_model = MAE(**small_config('MAE', arch=ARCH))
    our_model.load_state_dict(to_ours(tensors).tensors)
    images = torch.randn(2, 3, SIZE, SIZE)
    noise = torch.rand(2, ROWS - 1)
    order = noise.argsort(dim=1)
    visible, masked = order[:, :4], order[:, 4:]
    with torch.no_grad():
        logits = theirs(images, noise=noise).logits
        expected = logits.gather(1, masked[..., None].expand(-1, -1, logits.shape[2]))
        actual = our_model.predict_masked(images, Mask(visible, masked))
    assert expected.std() > 0.1
    torch.testing.assert_close(actual, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize('method', ['MAE', 'MFF'])
def test_mmpretrains_own_methods_come_back(method: str) -> None:
    """Breaks when fusion or decoder is lost between mmpretrain and us."""
    tensors = mmpretrain_mim(method, 'deit-tiny').state_dict()
    layout = {'MAE': 'mim_secrets', 'MFF': 'mmpretrain'}[method]
    check_round_trip(tensors, check_told(tensors, layout, 'vit', ''))
