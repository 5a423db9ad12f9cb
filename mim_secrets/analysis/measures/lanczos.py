"""Eigenvalues of a symmetric matrix of which only its products with vectors are known.

Lanczos' method, in which every new vector is made orthogonal to all before it, gives
the ends of the spectrum; repeated from random vectors it gives the density of all of
it. Ubaru, Chen and Saad, "Fast estimation of tr(f(A)) via stochastic Lanczos
quadrature", SIAM Journal on Matrix Analysis and Applications 2017; used on networks by
Ghorbani, Krishnan and Xiao, "An Investigation into Neural Net Optimization via Hessian
Eigenvalue Density", ICML 2019.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch

from mim_secrets.analysis.statistics import Estimate, copies, estimate

GRID_POINTS = 1024
WIDTH = 0.01  # of a Gaussian, as a share of the range of the eigenvalues


class Tridiagonal(NamedTuple):
    """The matrix (n, n) as seen from the m vectors that Lanczos' method chose."""

    alphas: np.ndarray  # (m,) its diagonal in their basis
    betas: np.ndarray  # (m,) beside the diagonal; the last one leads out of the basis
    basis: torch.Tensor  # (m, n) orthonormal rows


class Eigenpairs(NamedTuple):
    """Approximate eigenvalues; some true one lies within ``errors`` of each."""

    values: np.ndarray  # (K,)
    errors: np.ndarray  # (K,)
    vectors: torch.Tensor  # (K, n) of length 1


class Quadrature(NamedTuple):
    """A density as m points with shares that add up to 1, seen from one start vector."""

    nodes: np.ndarray  # (m,)
    weights: np.ndarray  # (m,)


class Density(NamedTuple):
    """Share of the eigenvalues per unit; the interval is over start vectors."""

    grid: np.ndarray  # (G,)
    values: Estimate  # of arrays (G,)


def lanczos(
    product: Callable[[torch.Tensor], torch.Tensor], start: torch.Tensor, steps: int
) -> Tridiagonal:
    """See the matrix of ``product`` from the vectors that it turns ``start`` into.

    Memory is that of ``steps`` vectors. There are fewer steps when the matrix has
    nothing more to show from ``start``: at most n, or as many as it has eigenvalues
    that differ.

    Args:
        product: (n,) to the matrix times it, (n,).
        start: (n,) of any length.
        steps: m, the number of products.
    """
    steps = min(steps, start.numel())
    basis = start.new_empty(steps, start.numel())
    alphas, betas = [], []
    vector = start / start.norm()
    for step in range(steps):
        basis[step] = vector
        image = product(vector)
        alphas.append(torch.dot(vector, image).item())
        known = basis[: step + 1]
        for _ in range(2):  # once leaves what rounding put back
            image = image - known.T @ (known @ image)
        betas.append(image.norm().item())
        if not np.isfinite([alphas[-1], betas[-1]]).all():
            raise ValueError(
                f'lanczos: product {step + 1} is not finite; look for NaN or overflow in the '
                'loss or in the parameters.'
            )
        scale = max(np.abs(alphas).max(), max(betas))
        if betas[-1] <= 10 * torch.finfo(image.dtype).eps * scale:
            break
        vector = image / betas[-1]
    return Tridiagonal(np.array(alphas), np.array(betas), basis[: len(alphas)])


def top_eigenvalues(run: Tridiagonal, count: int) -> Eigenpairs:
    """The ``count`` highest eigenvalues, falling, and then the lowest one.

    The error is the length of what the matrix makes of the vector beyond the multiple
    that it should be: the last beta times the vector's share in the last step. To it
    comes what rounding may do to a product. An eigenvalue that occurs several times is
    found once.
    """
    values, coordinates = _diagonalised(run)
    falling = np.arange(len(values))[::-1]
    chosen = np.append(falling[:count], 0)
    vectors = torch.from_numpy(coordinates[:, chosen].T.copy()).to(run.basis) @ run.basis
    rounding = torch.finfo(vectors.dtype).eps * np.abs(values).max()
    return Eigenpairs(
        values=values[chosen],
        errors=run.betas[-1] * np.abs(coordinates[-1, chosen]) + rounding,
        vectors=vectors / vectors.norm(dim=1, keepdim=True),
    )


def quadrature(run: Tridiagonal) -> Quadrature:
    """The density of the eigenvalues as seen from the start vector.

    Over start vectors of random signs it is right in the mean: so are all moments up
    to the power 2 m - 1, the first being the trace / n.
    """
    values, coordinates = _diagonalised(run)
    return Quadrature(values, coordinates[0] ** 2)


def density_curve(
    runs: Sequence[Quadrature],
    grid: np.ndarray | None = None,
    width: float | None = None,
) -> Density:
    """Gaussians in the place of points, and the mean over start vectors.

    Args:
        runs: One for each start vector.
        grid: (G,) where the density is wanted; by default evenly over all points and
            six widths beyond.
        width: Standard deviation of the Gaussians; by default 1 % of the range.
            Curves can be compared when grid and width are the same.
    """
    nodes = np.concatenate([run.nodes for run in runs])
    lowest, highest = nodes.min(), nodes.max()
    if width is None:
        # a matrix with a single eigenvalue has no range
        width = WIDTH * max(highest - lowest, 0.01 * np.abs(nodes).max(), 1e-12)
    if grid is None:
        grid = np.linspace(lowest - 6 * width, highest + 6 * width, GRID_POINTS)
    curves = np.stack([_smoothed(run, grid, width) for run in runs])
    weights = copies(np.arange(len(runs)))
    with np.errstate(invalid='ignore'):  # a replicate may have drawn none
        means = weights @ curves / weights.sum(axis=1, keepdims=True)
    return Density(grid, estimate(means))


def _diagonalised(run: Tridiagonal) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues (m,), rising, and their vectors (m, m), columns, in the basis."""
    beside = run.betas[:-1]
    matrix = np.diag(run.alphas) + np.diag(beside, 1) + np.diag(beside, -1)
    return np.linalg.eigh(matrix)


def _smoothed(run: Quadrature, grid: np.ndarray, width: float) -> np.ndarray:
    distance = (grid[:, None] - run.nodes) / width
    return np.exp(-(distance**2) / 2) @ run.weights / (width * np.sqrt(2 * np.pi))
