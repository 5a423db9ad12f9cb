"""Template and search window in one stream."""

from pathlib import Path

import pytest
import torch
from mmengine.optim import build_optim_wrapper

from mim_secrets.models.tracking import OneStreamTracker
from tests.models.small import small_model
from tests.models.tracking.small import ENCODER, batch, one_stream


def test_maps_have_a_cell_for_each_patch_of_the_window() -> None:
    """Breaks when template tokens end up in the map, or the map is turned."""
    tracker = one_stream()
    data = tracker.data_preprocessor(batch(3))
    maps = tracker(**data)
    assert maps.score.shape == (3, 8, 8) and maps.boxes.shape == (3, 8, 8, 4)
    features = []
    tracker.head.register_forward_pre_hook(lambda head, inputs: features.append(inputs[0]))
    tracker(**data)
    _, tokens = tracker.backbone.forward_pair(data['inputs']['template'], data['inputs']['search'])
    torch.testing.assert_close(features[0][:, :, 3, 5], tokens[:, 3 * 8 + 5])


def test_what_is_found_depends_on_the_template() -> None:
    """Breaks when the two images do not meet."""
    tracker = one_stream()
    inputs = tracker.data_preprocessor(batch(2))['inputs']
    other = dict(inputs, template=inputs['template'].flip(0))
    assert not torch.allclose(tracker(inputs).score, tracker(other).score, atol=1e-5)


def test_a_class_token_takes_no_part() -> None:
    """Breaks when it stands among the patches, or its training needs its own flag."""
    tracker = one_stream()
    data = tracker.data_preprocessor(batch(2), True)
    before = tracker(**data).score
    tracker.backbone.cls_token.data.normal_(std=10)
    assert torch.equal(tracker(**data).score, before)
    sum(tracker.train()(**data, mode='loss').values()).backward()
    # none would make DistributedDataParallel wait for it
    assert not tracker.backbone.cls_token.grad.any()
    without = one_stream(dict(with_cls_token=False))
    missing = without.load_state_dict(
        {
            key: value[:, 1:] if key.endswith('pos_embed') else value
            for key, value in one_stream().state_dict().items()
            if not key.endswith('cls_token')
        }
    )
    assert not missing.missing_keys
    torch.testing.assert_close(without(**data).score, before)


@pytest.mark.slow
def test_the_loss_falls() -> None:
    """Breaks when something that must learn is cut off."""
    tracker = one_stream().train()
    data = batch(4)
    wrapper = build_optim_wrapper(
        tracker,
        dict(
            optimizer=dict(type='AdamW', lr=1e-2),
            constructor='mim_secrets.LayerDecayOptimWrapperConstructor',
            paramwise_cfg=dict(layer_decay_rate=0.9),
        ),
    )
    rates = [group['lr'] for group in wrapper.optimizer.param_groups]
    assert min(rates) == pytest.approx(1e-2 * 0.9**5) and max(rates) == 1e-2
    first, *_, last = (float(tracker.train_step(data, wrapper)['loss']) for _ in range(40))
    assert last < 0.6 * first


def test_it_starts_from_a_pretrained_encoder(tmp_path: Path) -> None:
    """Breaks when head or decoder are taken for the encoder, or its weights are lost."""
    torch.manual_seed(1)
    arch = ENCODER['arch']
    mae = small_model('MAE', arch=arch)
    file = tmp_path / 'mae.pth'
    torch.save(dict(state_dict=mae.state_dict()), file)
    start = dict(type='SharedCheckpoint', checkpoint=str(file))
    tracker = one_stream(dict(init_cfg=start, img_size=64))
    for name, tensor in mae.backbone.state_dict().items():
        if name != 'pos_embed':  # resized from 4 x 4 to 8 x 8 patches
            assert torch.equal(tracker.backbone.state_dict()[name], tensor), name
    assert tracker.backbone.pos_embed.shape == (1, 65, 32)


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        (dict(search_size=60), 'search_size is 60, which patches of 8 pixels do not divide'),
        (dict(template_size=30), 'template_size is 30, which patches'),
        (
            dict(elimination=dict(blocks=[4])),
            r'blocks are \[4\], but the encoder has blocks 0 to 3',
        ),
        (dict(elimination=dict(share=0.0, blocks=[1])), 'share is 0.0; give the share'),
        (
            dict(encoder=dict(window_size=2, with_cls_token=False)),
            'the backbone, ViT, cannot take two images',
        ),
        (
            dict(encoder=dict(relative_position='table', with_cls_token=False)),
            'cannot take two images',
        ),
    ],
)
def test_what_cannot_be_is_refused(options: dict, said: str) -> None:
    """Breaks when a mistake in a config ends in an error about shapes."""
    with pytest.raises(ValueError, match=said):
        one_stream(**options)


def test_encoders_with_stages_are_refused() -> None:
    """Breaks when a Swin fails in the middle of the first step."""
    with pytest.raises(ValueError, match='the backbone, SwinV2, cannot take two images'):
        arch = dict(embed_dims=8, depths=[1, 1], num_heads=[1, 1], extra_norm_every_n_blocks=0)
        swin = dict(
            type='mim_secrets.SwinV2', arch=arch, img_size=32, window_size=4, out_indices=[1]
        )
        OneStreamTracker(swin, dict(type='mim_secrets.CentreHead', in_channels=32, channels=16))
