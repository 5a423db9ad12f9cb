"""Eigenvalues and densities of small matrices that NumPy can take apart."""

import itertools

import numpy as np
import pytest
import torch

from mim_secrets.analysis.measures.lanczos import (
    Quadrature,
    density_curve,
    lanczos,
    quadrature,
    top_eigenvalues,
)


def matrix(size: int, seed: int = 0) -> torch.Tensor:
    """Symmetric, with eigenvalues of both signs."""
    generator = torch.Generator().manual_seed(seed)
    entries = torch.randn(size, size, generator=generator, dtype=torch.float64)
    return (entries + entries.T) / 2


def start_of(size: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_all_steps_give_all_eigenvalues() -> None:
    """Breaks when a beta stands beside the wrong alpha, or a vector of the basis is not
    orthogonal to the others."""
    symmetric = matrix(12)
    run = lanczos(symmetric.mv, start_of(12), 12)
    pairs = top_eigenvalues(run, 11)
    exact = np.linalg.eigvalsh(symmetric.numpy())
    np.testing.assert_allclose(pairs.values, exact[::-1], atol=1e-10)
    torch.testing.assert_close(run.basis @ run.basis.T, torch.eye(12, dtype=torch.float64))
    for value, vector in zip(pairs.values, pairs.vectors, strict=True):
        torch.testing.assert_close(symmetric @ vector, value * vector)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_errors_are_bounds(dtype: torch.dtype) -> None:
    """Breaks when the error is read off another row than the last, or with another beta:
    it is the length of A v - lambda v, and no eigenvalue would lie within."""
    symmetric = matrix(200).to(dtype)
    exact = np.linalg.eigvalsh(symmetric.double().numpy())
    rounding = 100 * torch.finfo(dtype).eps * np.abs(exact).max()
    for steps in (4, 10, 25):
        pairs = top_eigenvalues(lanczos(symmetric.mv, start_of(200).to(dtype), steps), 3)
        for value, error, vector in zip(*pairs, strict=True):
            residual = (symmetric @ vector - value * vector).norm().item()
            assert error == pytest.approx(residual, rel=1e-3, abs=rounding)
            assert np.abs(exact - value).min() <= error + rounding
    assert pairs.errors[0] > 10 * rounding  # the bound was put to a test


def test_the_basis_stays_orthogonal_in_float32() -> None:
    """Breaks when vectors are made orthogonal to the last two only: eigenvalues that
    were found already are then found again."""
    diagonal = torch.cat([torch.tensor([1e4, -5e3, 1e3]), torch.linspace(0, 1, 300)])
    run = lanczos(lambda vector: diagonal * vector, torch.ones(303), 60)
    overlap = run.basis @ run.basis.T - torch.eye(len(run.basis))
    assert overlap.abs().max() < 1e-5
    pairs = top_eigenvalues(run, 3)
    np.testing.assert_allclose(pairs.values[:2], [1e4, 1e3], rtol=1e-5)
    assert pairs.values[2] < 1.01
    np.testing.assert_allclose(pairs.values[-1], -5e3, rtol=1e-5)


def test_it_stops_when_there_is_nothing_more_to_see() -> None:
    """Breaks when a vanishing vector is blown up to length 1 and noise is reported."""
    diagonal = torch.tensor([3.0, 3.0, 3.0, -1.0, -1.0, 0.0])
    run = lanczos(lambda vector: diagonal * vector, torch.ones(6), 6)
    assert len(run.alphas) == 3
    seen = quadrature(run)
    np.testing.assert_allclose(seen.nodes, [-1, 0, 3], atol=1e-6)
    np.testing.assert_allclose(seen.weights, [2 / 6, 1 / 6, 3 / 6], atol=1e-6)
    assert len(lanczos(torch.zeros_like, torch.ones(6), 6).alphas) == 1


def test_what_is_not_finite_is_refused() -> None:
    """Breaks when NaN comes out as an eigenvalue."""
    with pytest.raises(ValueError, match='product 1 is not finite'):
        lanczos(lambda vector: vector * torch.nan, torch.ones(4), 3)


def test_moments_are_those_of_the_matrix() -> None:
    """Breaks when weights are not squared first components, or the curve is not a density:
    over all start vectors of signs, its mean is the trace / n, and its second moment the
    squares of all entries / n, exactly."""
    symmetric = matrix(5)
    runs = [
        quadrature(lanczos(symmetric.mv, torch.tensor(signs, dtype=torch.float64), 3))
        for signs in itertools.product([-1.0, 1.0], repeat=5)
    ]
    width = 0.05
    curve = density_curve(runs, width=width)
    share = curve.values.mean * np.diff(curve.grid).mean()
    assert share.sum() == pytest.approx(1, abs=1e-6)
    assert share @ curve.grid == pytest.approx(symmetric.trace().item() / 5, abs=1e-6)
    second = symmetric.square().sum().item() / 5 + width**2  # of the Gaussians
    assert share @ curve.grid**2 == pytest.approx(second, abs=1e-6)


def test_the_interval_is_over_start_vectors() -> None:
    """Breaks when it is over anything else: equal runs leave none, different ones do."""
    one, other = (Quadrature(np.array([0.0, 1.0]), np.array([w, 1 - w])) for w in (0.4, 0.6))
    same = density_curve([one, one, one])
    np.testing.assert_allclose(same.values.low, same.values.high)
    both = density_curve([one, other, one, other])
    peak = both.values.mean.argmax()
    assert both.values.low[peak] < both.values.mean[peak] < both.values.high[peak]
    assert both.values.low.min() >= 0


def test_models_can_share_a_grid() -> None:
    """Breaks when a given grid or width is not taken: the curve is a Gaussian."""
    grid = np.linspace(-4, 4, 101)
    curve = density_curve([Quadrature(np.zeros(1), np.ones(1))], grid, width=1.0)
    assert curve.grid is grid
    expected = np.exp(-(grid**2) / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(curve.values.mean, expected)
