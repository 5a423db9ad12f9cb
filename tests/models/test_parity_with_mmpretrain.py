"""Equal weights, images and mask give mmpretrain's loss and gradients."""

import pytest
import torch

from mim_secrets.checkpoint.layouts import from_mmpretrain, from_ours, layout_named
from tests.models.oracles import gradients, ours, shake, show_mask, theirs

METHODS_AND_SIZES = [
    pytest.param(method, arch, id=f'{method}-{arch}', marks=[pytest.mark.slow] * (arch == 'base'))
    for method in ('MAE', 'MFF')
    for arch in ('deit-small', 'base')
]


@pytest.mark.parametrize(('method', 'arch'), METHODS_AND_SIZES)
@pytest.mark.slow
def test_loss_and_gradients_agree(method: str, arch: str) -> None:
    """Breaks on any change of mathematics: order of patches, normalisation of
    the target, weights of levels, positions, what the last block leaves out."""
    torch.manual_seed(0)
    their_model = theirs(method, arch)
    their_model.init_weights()
    shake(their_model)
    our_model = ours(method, arch)
    our_model.load_state_dict(their_model.state_dict())
    images = torch.randn(2, 3, 224, 224)
    mask = our_model.draw_mask(images)
    show_mask(their_model, mask)

    their_loss = their_model.loss(images, None)['loss']
    our_loss = our_model.loss(images, mask=mask)['loss']
    torch.testing.assert_close(our_loss, their_loss, rtol=1e-5, atol=0)

    expected = from_mmpretrain(gradients(their_model, their_loss))
    actual = gradients(our_model, our_loss)
    assert actual.keys() == expected.keys()
    for name, gradient in expected.items():
        error = (actual[name] - gradient).norm() / gradient.norm()
        assert error < 1e-4, f'{name}: gradients differ by {error:.1e} relative'


@pytest.mark.parametrize('method', ['MAE', 'MFF'])
def test_checkpoints_travel_both_ways_without_loss(method: str) -> None:
    """Breaks when a name or shape is lost, or when loading leaves a key over."""
    their_model, our_model = theirs(method, 'deit-tiny'), ours(method, 'deit-tiny')
    their_model.init_weights()
    their_state = their_model.state_dict()

    our_model.load_state_dict(their_state, strict=True)
    exported = from_ours(our_model.state_dict(), layout_named('mmpretrain', 'vit')).tensors
    assert exported.keys() == their_state.keys()
    for name, tensor in their_state.items():
        assert torch.equal(exported[name], tensor), name

    theirs(method, 'deit-tiny').load_state_dict(exported, strict=True)


@pytest.mark.slow
def test_fresh_models_start_from_the_same_distribution() -> None:
    """Breaks when our initialisation forgets a parameter that theirs sets."""
    torch.manual_seed(1)
    our_model, their_model = ours('MFF', 'deit-small'), theirs('MFF', 'deit-small')
    our_model.init_weights()
    their_model.init_weights()
    expected = from_mmpretrain(their_model.state_dict())
    for name, tensor in our_model.state_dict().items():
        mean, std = expected[name].mean().item(), expected[name].std(correction=0).item()
        assert tensor.std(correction=0).item() == pytest.approx(std, rel=0.15, abs=1e-5)
        assert tensor.mean().item() == pytest.approx(mean, abs=4e-3), name
