"""Hessians: against closed forms, against finite differences, and leaving no trace."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mim_secrets.analysis.measures.curvature import (
    Curvature,
    classification_loss,
    hessian_vector_product,
    mean_product,
    measure_curvature,
    pretraining_loss,
    trainable_parameters,
)
from tests.analysis.hessian_oracles import (
    LABELS,
    Quadratic,
    exact_eigenvalues,
    images,
    plain_loss,
    slopes,
    tiny_classifier,
    tiny_mae,
    turned,
)


def check(result: Curvature, exact: np.ndarray) -> None:
    size = np.abs(exact).max()
    for value, error, near in zip(result.highest.mean, result.highest_errors, exact):
        assert np.abs(exact - value).min() <= error + 1e-5 * size
        assert value == pytest.approx(near, abs=1e-5 * size)
    assert result.lowest.mean == pytest.approx(exact[-1], abs=1e-5 * size)
    assert result.parameters == len(exact)


def test_a_quadratic_loss_has_the_eigenvalues_it_was_made_with() -> None:
    """Breaks when a half is lost, the order is wrong or negative curvature is not seen."""
    model = Quadratic(turned([7.0, 3.0, 1.0, 0.5, 0.0, -4.0]))
    result = measure_curvature(model.loss([1.0, 1.0]), count=3, steps=6)
    np.testing.assert_allclose(result.highest.mean, [7, 3, 1], atol=1e-5)
    assert result.highest.mean.shape == result.highest_errors.shape == (3,)
    assert result.lowest.mean == pytest.approx(-4, abs=1e-5)
    assert result.highest_errors.max() < 1e-4
    assert (result.loss, result.images, result.parameters) == ('quadratic', 2, 6)
    # equal images leave nothing to resample
    np.testing.assert_allclose(result.highest.low, result.highest.mean, atol=1e-5)
    np.testing.assert_allclose(result.highest.high, result.highest.mean, atol=1e-5)


def test_the_density_of_a_diagonal_hessian_has_its_moments() -> None:
    """Breaks when start vectors are not signs, for which these moments are exact."""
    eigenvalues = np.array([9.0, 2.0, 1.0, 0.0, -1.0, -3.0, 0.5, 0.25])
    model = Quadratic(torch.diag(torch.tensor(eigenvalues, dtype=torch.float32)))
    result = measure_curvature(model.loss([1.0, 1.0]), count=2, steps=4, vectors=3)
    for run in result.runs:
        assert run.weights.sum() == pytest.approx(1)
        assert run.weights @ run.nodes == pytest.approx(eigenvalues.mean(), abs=1e-5)
        assert run.weights @ run.nodes**2 == pytest.approx((eigenvalues**2).mean(), abs=1e-4)
    grid, density = result.density.grid, result.density.values.mean
    assert np.sum(density) * (grid[1] - grid[0]) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(('count', 'sizes'), [(30, [1]), (45, [1, 2])])
def test_intervals_are_a_bootstrap_of_groups_of_images(count: int, sizes: list[int]) -> None:
    """Breaks when groups are not weighed by their images, or resampled otherwise: the
    eigenvalue of image i is scales[i] times that of the matrix."""
    model = Quadratic(turned([5.0, 2.0, -1.0, 0.5]))
    drawn = np.random.default_rng(0)
    sizes = np.resize(sizes, 30)
    of_groups = drawn.exponential(size=30) + 2 * sizes
    scales = np.repeat(of_groups, sizes)
    loss = model.loss(scales.tolist())
    result = measure_curvature(loss, count=2, steps=4, groups=30, vectors=1)
    np.testing.assert_allclose(result.highest.mean, [5 * scales.mean(), 2 * scales.mean()], 1e-5)
    resampled = drawn.choice(30, (4000, 30))
    means = (of_groups * sizes)[resampled].sum(axis=1) / sizes[resampled].sum(axis=1)
    low, high = 5 * np.quantile(means, [0.025, 0.975])
    assert result.highest.low[0] == pytest.approx(low, abs=0.15 * (high - low))
    assert result.highest.high[0] == pytest.approx(high, abs=0.15 * (high - low))
    assert result.lowest.low < result.lowest.mean < result.lowest.high < 0


@pytest.mark.parametrize('part', ['backbone.', ''])
def test_products_of_a_masked_image_model_are_those_of_differences(part: str) -> None:
    """Breaks when the second derivative goes astray, or another part of the model or
    other masks are looked at."""
    model = tiny_mae('MFF').double().eval()
    loss = pretraining_loss(model, images().double())
    parameters = trainable_parameters(model, part)
    sizes = [parameter.numel() for parameter in parameters]
    vector = torch.randn(sum(sizes), dtype=torch.float64)
    product = mean_product(loss, parameters, vector, slice(0, 6), 4)
    around = []
    for move in (1e-5, -2e-5):
        for parameter, along in zip(parameters, vector.split(sizes)):
            parameter.data += move * along.view_as(parameter)
        around.append(slopes(lambda: plain_loss(model, images().double()), parameters))
    expected = (around[0] - around[1]) / 2e-5
    assert np.linalg.norm(product - expected) < 1e-6 * np.linalg.norm(expected)


@pytest.mark.slow
def test_eigenvalues_of_a_masked_image_model() -> None:
    """Breaks when they are not those of the matrix that differences give."""
    model = tiny_mae()
    result = measure_curvature(pretraining_loss(model, images()), count=4, steps=50, vectors=1)
    exact = exact_eigenvalues(model, lambda copied: plain_loss(copied, images().double()))
    check(result, exact)
    assert exact[-1] < -1e-3 * exact[0]  # a negative one was there to be found


@pytest.mark.slow
def test_eigenvalues_of_a_classifier() -> None:
    """Breaks when dropout or the head's parameters come in."""
    model = tiny_classifier()
    loss = classification_loss(model, images(), LABELS)
    result = measure_curvature(loss, count=4, steps=50, vectors=8)
    exact = exact_eigenvalues(
        model, lambda copied: F.cross_entropy(copied(images().double()), LABELS)
    )
    check(result, exact)
    first, second = (
        np.array([run.weights @ run.nodes**power for run in result.runs]) for power in (1, 2)
    )
    for moments, truth in ((first, exact.mean()), (second, (exact**2).mean())):
        standard_error = moments.std(ddof=1) / len(moments) ** 0.5
        assert abs(moments.mean() - truth) < 4 * standard_error


@pytest.mark.parametrize('masks_per_image', [1, 2])
def test_chunks_and_masks_change_nothing(masks_per_image: int) -> None:
    """Breaks when a chunk of another size counts as much as the others, when an image
    meets another one's mask, or when masks are drawn anew."""
    masking = dict(type='mim_secrets.RandomMasking', masks_per_image=masks_per_image)
    model = tiny_mae(masking=masking)
    loss = pretraining_loss(model, images(7), seed=3)
    parameters = trainable_parameters(model)
    vector = torch.randn(sum(p.numel() for p in parameters))
    whole = mean_product(loss, parameters, vector, slice(0, 7), 7)
    again = pretraining_loss(model, images(7), seed=3)
    for chunk in (1, 3, 100):
        parts = mean_product(again, parameters, vector, slice(0, 7), chunk)
        assert (parts - whole).norm() < 1e-6 * whole.norm()
    other = pretraining_loss(model, images(7), seed=4)
    parts = mean_product(other, parameters, vector, slice(0, 7), 7)
    assert (parts - whole).norm() > 1e-2 * whole.norm()


@pytest.mark.slow
def test_the_same_seed_gives_the_same_result_however_it_is_cut() -> None:
    """Breaks when something is drawn from a generator that others use, or when the
    result depends on how many images are computed at a time."""
    model = tiny_mae()
    settings = dict(count=1, steps=4, vectors=1, groups=3)
    first = measure_curvature(pretraining_loss(model, images()), **settings)
    torch.rand(5)
    model.draw_mask(images())
    second = measure_curvature(pretraining_loss(model, images()), **settings)
    cut = measure_curvature(pretraining_loss(model, images()), chunk=2, **settings)
    largest = abs(first.lowest.mean)
    for end in ('highest', 'lowest'):
        ours = getattr(first, end)
        np.testing.assert_array_equal(getattr(second, end), ours)
        np.testing.assert_allclose(getattr(cut, end), ours, rtol=1e-6, atol=1e-6 * largest)
    np.testing.assert_array_equal(second.density.values.mean, first.density.values.mean)


@pytest.mark.slow
def test_a_model_is_left_as_it_was_found() -> None:
    """Breaks when looking at a model in the middle of training changes the run."""
    model = tiny_classifier().train()
    model.backbone.layers[0].eval()
    model.backbone.cls_token.requires_grad_(False)
    masked = tiny_mae()

    def state() -> list:
        return [
            [module.training for module in model.modules()],
            [parameter.requires_grad for parameter in model.parameters()],
            [parameter.grad for parameter in model.parameters()],
            [parameter.tolist() for parameter in model.parameters()],
            torch.get_rng_state().tolist(),
            np.random.get_state()[1].tolist(),
        ]

    before, masks = state(), copy.deepcopy(masked.masking)
    settings = dict(count=1, steps=2, vectors=1)
    measure_curvature(classification_loss(model, images(), LABELS), **settings)
    measure_curvature(pretraining_loss(masked, images()), part='', **settings)
    assert state() == before
    drawn, expected = (m(2, (4, 4), torch.device('cpu')) for m in (masked.masking, masks))
    assert torch.equal(drawn.visible, expected.visible)
    assert all(parameter.grad is None for parameter in masked.parameters())


def test_dropout_does_not_come_in() -> None:
    """Breaks when the model is not put into evaluation mode: dropout is random."""
    model = tiny_classifier()
    results = [
        measure_curvature(
            classification_loss(model.train(training), images(), LABELS),
            count=1,
            steps=3,
            vectors=1,
        )
        for training in (True, False)
    ]
    np.testing.assert_array_equal(results[0].highest, results[1].highest)


def test_blocks_that_forget_their_activations_have_second_derivatives() -> None:
    """Breaks when a model trained with activation checkpointing cannot be looked at."""
    model = tiny_mae()
    loss = pretraining_loss(model, images())
    parameters = trainable_parameters(model)
    vector = torch.randn(sum(p.numel() for p in parameters))
    plain = mean_product(loss, parameters, vector, slice(0, 6), 6)
    model.backbone.with_cp = True
    torch.testing.assert_close(mean_product(loss, parameters, vector, slice(0, 6), 6), plain)


def test_a_linear_loss_does_not_bend() -> None:
    """Breaks when a gradient without a graph stops the measure."""
    used, unused = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(3))
    product = hessian_vector_product(lambda: used.sum(), [used, unused], torch.ones(5))
    assert torch.equal(product, torch.zeros(5))


def test_progress_ends_at_its_total() -> None:
    """Breaks when a bar stops short, runs over or goes back, also where Lanczos' method
    ends early, as it does on a matrix with two eigenvalues."""
    model = Quadratic(torch.diag(torch.tensor([1.0, 1.0, 2.0, 2.0, 2.0])))
    calls = []
    measure_curvature(
        model.loss([1.0, 2.0, 3.0]),
        count=3,
        steps=5,
        vectors=2,
        progress=lambda done, total: calls.append((done, total)),
    )
    done = [call[0] for call in calls]
    assert done == sorted(set(done))
    assert calls[-1][0] == calls[-1][1]
    assert len({total for _, total in calls}) == 1


def test_what_cannot_be_measured_is_refused() -> None:
    """Breaks when a reason is given late or not at all."""
    classifier = tiny_classifier()
    with pytest.raises(TypeError, match='ImageClassifier is not a MaskedImageModel'):
        pretraining_loss(classifier, images())
    with pytest.raises(TypeError, match='MAE gives no scores'):
        classification_loss(tiny_mae(), images(), LABELS)
    classifier.backbone.requires_grad_(False)
    loss = classification_loss(classifier, images(), LABELS)
    with pytest.raises(ValueError, match="no trainable parameter whose name begins with 'backb"):
        measure_curvature(loss)
    assert measure_curvature(loss, part='head.', count=1, steps=3).parameters == 15
    with pytest.raises(ValueError, match='needs 2 or more, not 1'):
        measure_curvature(classification_loss(classifier, images(1), LABELS[:1]))
    with pytest.raises(ValueError, match='5 steps cannot give 5 highest'):
        measure_curvature(loss, steps=5)
