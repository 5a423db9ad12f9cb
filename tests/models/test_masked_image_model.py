"""The model as a whole: what is masked when, shapes, precision, doubts answered.

The numbers of doubts are those of the design notes, "doubts about the released
code".
"""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmpretrain.models import VisionTransformer

from mim_secrets.models import MAE, MFF, Mask, ViT, default_levels
from tests.models.small import ARCH, small_config, small_model


def test_features_of_whole_images_are_never_masked() -> None:
    """Doubts 1 and 2. Breaks when ``extract_feat`` masks, as the released MFF's
    does: two calls would differ, and tokens would be missing."""
    model = small_model('MFF').eval()
    images = torch.randn(2, 3, 32, 32)
    (first,), (second,) = model.extract_feat(images), model(images)
    assert first.shape == (2, 1 + 16, 48)
    assert torch.equal(first, second)


def test_unmasked_features_are_mmpretrains() -> None:
    """Breaks when our encoder is anything but a VisionTransformer underneath."""
    model = small_model('MAE').eval()
    theirs = VisionTransformer(ARCH, img_size=32, patch_size=8, out_type='raw')
    theirs.load_state_dict(model.backbone.state_dict())
    images = torch.randn(2, 3, 32, 48)
    torch.testing.assert_close(model.backbone(images), theirs(images), rtol=0, atol=1e-6)


@pytest.mark.parametrize('size', [(32, 32), (32, 48)])
def test_seeing_everything_equals_not_masking(size: tuple[int, int]) -> None:
    """Breaks when the masked way embeds, places or normalises patches otherwise
    than the unmasked way, also on rectangles with resized positions."""
    model = small_model('MFF').eval()
    images = torch.randn(2, 3, *size)
    everything = torch.arange(size[0] * size[1] // 64).expand(2, -1)
    last = model.backbone.forward_visible(images, everything, [5])[5]
    expected = model.extract_feat(images)[0]
    torch.testing.assert_close(model.backbone.normalize(last), expected)


def test_pixels_that_are_masked_do_not_reach_the_encoder() -> None:
    """Breaks when a masked patch leaks into the prediction."""
    model = small_model('MFF').eval()
    images = torch.randn(2, 3, 32, 32)
    mask = model.draw_mask(images)
    changed = model.reconstruct(images, mask).masked
    assert not torch.equal(images, changed)
    torch.testing.assert_close(
        model.predict_masked(images, mask), model.predict_masked(changed, mask)
    )


def test_order_of_patches_does_not_matter() -> None:
    """Breaks when a prediction depends on where in the sequence a patch stands."""
    model = small_model('MFF').eval()
    images = torch.randn(2, 3, 32, 32)
    mask = model.draw_mask(images)
    flipped = Mask(mask.visible.flip(1), mask.masked.flip(1))
    torch.testing.assert_close(
        model.predict_masked(images, flipped).flip(1), model.predict_masked(images, mask)
    )


@pytest.mark.parametrize('method', ['MAE', 'MFF'])
@pytest.mark.parametrize('patch_size', [4, 8, 16])
@pytest.mark.parametrize('size', [(32, 32), (48, 32), (32, 64)])
def test_any_size_and_patch_trains(method, patch_size, size) -> None:
    """Breaks when a size is assumed to be square or a patch to be 16 pixels."""
    model = small_model(method, img_size=size, patch_size=patch_size)
    losses = model.loss(torch.randn(2, 3, *size))
    losses['loss'].backward()
    assert losses['loss'].isfinite()
    reconstruction = model.reconstruct(torch.randn(2, 3, *size)).pasted
    assert reconstruction.shape == (2, 3, *size)


def test_images_of_another_size_than_built_for_train() -> None:
    """Breaks when positions of encoder or decoder are tied to the built size."""
    model = small_model('MFF', img_size=32)
    assert model.loss(torch.randn(2, 3, 48, 64))['loss'].isfinite()


def test_bfloat16_autocast_trains() -> None:
    """Breaks when a dtype is assumed; the loss must stay within bf16's 8 bits."""
    model = small_model('MFF')
    images = torch.randn(4, 3, 32, 32)
    mask = model.draw_mask(images)
    exact = model.loss(images, mask=mask)['loss']
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model.loss(images, mask=mask)['loss']
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-2)
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.requires_grad)


def test_scalars_tell_of_fusion_and_pixels() -> None:
    """Breaks when TensorBoard would lose the fusion weights or pixel statistics."""
    losses = small_model('MFF').loss(torch.randn(2, 3, 32, 32))
    shares = [value.item() for name, value in losses.items() if 'fusion_level' in name]
    assert sorted(n for n in losses if 'fusion' in n) == [
        f'fusion_level_{level:02d}' for level in range(6)
    ]
    assert sum(shares) == pytest.approx(1.0)
    assert {'pixel_mean', 'pixel_std', 'target_std'} <= losses.keys()
    assert sum('loss' in name for name in losses) == 1, 'mmengine adds up every loss'


def test_decay_of_the_fusion_scalars_can_be_switched_off() -> None:
    """Doubt 4. Breaks when the scalars can no longer be named apart: released
    MFF decays them, which pulls the weights towards equal shares."""
    model = small_model('MFF')

    def decay(custom_keys: dict) -> float:
        wrapper = build_optim_wrapper(
            model,
            dict(
                optimizer=dict(type='AdamW', lr=1e-3, weight_decay=0.05),
                paramwise_cfg=dict(custom_keys=custom_keys),
            ),
        )
        logits = model.fusion.level_logits
        return next(
            group['weight_decay']
            for group in wrapper.param_groups
            if any(parameter is logits for parameter in group['params'])
        )

    released = {'ln': dict(decay_mult=0), 'bias': dict(decay_mult=0)}
    assert decay(released) == 0.05
    assert decay({**released, 'fusion.level_logits': dict(decay_mult=0)}) == 0


def test_backbone_keys_hold_no_fusion() -> None:
    """Breaks when a backbone checkpoint would be more than a plain encoder."""
    model = small_model('MFF')
    encoder = ViT(ARCH, img_size=32, patch_size=8)
    assert model.backbone.state_dict().keys() == encoder.state_dict().keys()


@pytest.mark.parametrize('build', [ViT, lambda *a, **k: small_model('MFF').backbone])
def test_eval_and_train_return_the_encoder(build) -> None:
    """Breaks when ``encoder.eval()`` is None, as in mmpretrain."""
    encoder = build(ARCH, img_size=32, patch_size=8)
    assert encoder.eval() is encoder and not encoder.training
    assert encoder.train() is encoder and encoder.training


def test_names_keep_their_promise() -> None:
    """Breaks when a config called MFF trains a MAE, or the reverse."""
    with pytest.raises(ValueError, match='MAE has no fusion'):
        MAE(**small_config('MFF'))
    with pytest.raises(ValueError, match='MFF needs a fusion'):
        MFF(**small_config('MAE'))


def test_overlapping_patches_cannot_be_masked() -> None:
    """Breaks when a padded patch embedding is masked as if it were not."""
    encoder = ViT(ARCH, img_size=32, patch_size=8, patch_cfg=dict(padding=2))
    with pytest.raises(ValueError, match='overlap or are padded'):
        encoder.forward_visible(torch.zeros(1, 3, 32, 32), torch.tensor([[0]]), [5])


@pytest.mark.parametrize(
    ('arch', 'patch', 'width', 'blocks', 'parameters'),
    [
        ('tiny', 16, 192, 12, 5.5),
        ('small', 16, 384, 12, 21.7),
        ('base', 16, 768, 12, 85.8),
        ('large', 16, 1024, 24, 303.3),
        ('huge', 14, 1280, 32, 630.8),
    ],
)
def test_sizes_are_those_of_the_literature(arch, patch, width, blocks, parameters) -> None:
    """Breaks when ``arch='small'`` is mmpretrain's 768-wide, 8-deep model, or when a
    size cannot be fused with its default levels. Millions of parameters as in the
    papers, for the encoder without a head."""
    with torch.device('meta'):
        model = MFF(**small_config('MFF', img_size=224, patch_size=patch, arch=arch))
    encoder = model.backbone
    assert (encoder.embed_dims, len(encoder.layers)) == (width, blocks)
    assert model.levels == default_levels(blocks)
    count = sum(parameter.numel() for parameter in encoder.parameters())
    assert count / 1e6 == pytest.approx(parameters, abs=0.1)
