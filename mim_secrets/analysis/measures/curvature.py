"""How sharply the loss bends around a model's parameters.

The eigenvalues of the Hessian of a loss over a fixed batch, with fixed masks, without
dropout and without drop path: the highest ones, which say how sharp the valley is, the
lowest one, which says whether it is a valley, and the density of all. Park and Kim,
"How Do Vision Transformers Work?", ICLR 2022, look at supervised models so, and Liu et
al., "Improving Pixel-based MIM by Reducing Wasted Modeling Capability", ICCV 2023, at
masked image models.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from mim_secrets.analysis.measures.lanczos import (
    Density,
    Eigenpairs,
    Quadrature,
    density_curve,
    lanczos,
    quadrature,
    top_eigenvalues,
)
from mim_secrets.analysis.statistics import Estimate, Sums, copies, estimate
from mim_secrets.evaluation.undisturbed import undisturbed
from mim_secrets.models.selfsup.masked_image_model import MaskedImageModel
from mim_secrets.models.selfsup.masking import Mask


@dataclass(frozen=True, eq=False)
class BatchLoss:
    """The loss of a model on images that stay the same.

    Attributes:
        name: ``pre-training`` or ``classification``.
        model: Whose parameters are looked at.
        images: How many there are.
        mean: The mean loss, with its graph, of the images of a slice.
    """

    name: str
    model: nn.Module
    images: int
    mean: Callable[[slice], torch.Tensor]


@dataclass(frozen=True, eq=False)
class Curvature:
    """Eigenvalues of a Hessian; ``errors`` are Lanczos', intervals are over images.

    Attributes:
        loss: Of which the Hessian is.
        images: Over which the loss is averaged.
        parameters: Rows of the Hessian.
        highest: (K,) the highest eigenvalues, falling.
        highest_errors: (K,) some eigenvalue lies so near.
        lowest: () the lowest eigenvalue.
        lowest_error: Some eigenvalue lies so near.
        density: Of all eigenvalues; its interval is over start vectors.
        runs: The points from which ``density_curve`` draws it on another grid, such as
            one that several models share.
    """

    loss: str
    images: int
    parameters: int
    highest: Estimate
    highest_errors: np.ndarray
    lowest: Estimate
    lowest_error: float
    density: Density
    runs: list[Quadrature]


def measure_curvature(
    loss: BatchLoss,
    part: str = 'backbone.',
    count: int = 5,
    steps: int = 40,
    vectors: int = 6,
    groups: int = 16,
    chunk: int = 32,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Curvature:
    """The ends and the density of the spectrum of a loss's Hessian.

    To bootstrap the eigenvalues themselves would take a Lanczos run for each replicate.
    Instead, groups of images are resampled while the eigenvectors stay: the interval is
    that of the curvature along the direction that was found. It leaves out that other
    images would have turned the direction, which makes true intervals wider.

    Args:
        loss: From ``pretraining_loss`` or ``classification_loss``.
        part: Beginning of the names of the parameters that vary, the encoder's by
            default; ``''`` for all. Those that are frozen never vary.
        count: K.
        steps: Products for each start vector; memory is that of as many copies of the
            parameters. Enough when the errors are small.
        vectors: Start vectors, of random signs. The first one also gives the eigenvalues.
        groups: Of consecutive images, which the interval resamples.
        chunk: Images that are computed at a time; changes memory only.
        seed: Of the start vectors.
        progress: Told how many of how many images have gone through, each once a product.
    """
    if loss.images < 2:
        raise ValueError(
            f'measure_curvature: an interval over images needs 2 or more, not {loss.images}; '
            'give a larger batch.'
        )
    if not 0 < count < steps:
        raise ValueError(
            f'measure_curvature: {steps} steps cannot give {count} highest eigenvalues and the '
            'lowest; take some ten steps for each.'
        )
    parameters = trainable_parameters(loss.model, part)
    size = sum(parameter.numel() for parameter in parameters)
    steps = min(steps, size)
    seen, total = 0, (vectors * steps + count + 1) * loss.images

    def product(vector: torch.Tensor, rows: slice = slice(0, loss.images)) -> torch.Tensor:
        nonlocal seen
        result = mean_product(loss, parameters, vector, rows, chunk)
        seen += rows.stop - rows.start
        if progress:
            progress(seen, total)
        return result

    generator = torch.Generator().manual_seed(seed)
    runs = []
    for number in range(vectors):
        signs = torch.randint(0, 2, (size,), generator=generator, dtype=torch.int8) * 2 - 1
        run = lanczos(product, signs.to(parameters[0]), steps)
        if number == 0:
            pairs = top_eigenvalues(run, count)
        runs.append(quadrature(run))
        del run  # its basis is by far the largest thing here
        seen = (number + 1) * steps * loss.images
    seen = total - len(pairs.values) * loss.images
    bounds = np.linspace(0, loss.images, min(groups, loss.images) + 1).astype(int)
    values = _resampled(product, pairs, bounds)
    return Curvature(
        loss=loss.name,
        images=loss.images,
        parameters=size,
        highest=Estimate(*(numbers[:-1] for numbers in values)),
        highest_errors=pairs.errors[:-1],
        lowest=Estimate(*(numbers[-1] for numbers in values)),
        lowest_error=float(pairs.errors[-1]),
        density=density_curve(runs),
        runs=runs,
    )


def _resampled(
    product: Callable[[torch.Tensor, slice], torch.Tensor], pairs: Eigenpairs, bounds: np.ndarray
) -> Estimate:
    """The eigenvalues (K + 1,), with intervals over the groups between ``bounds``."""
    groups = [slice(start, stop) for start, stop in zip(bounds.tolist(), bounds[1:].tolist())]
    quotients = [
        [torch.dot(vector, product(vector, rows)).item() for vector in pairs.vectors]
        for rows in groups
    ]
    sums = Sums(len(pairs.values))
    sums.add(np.array(quotients), copies(np.arange(len(groups))) * np.diff(bounds))
    return estimate(sums.means())._replace(mean=pairs.values)


def trainable_parameters(model: nn.Module, part: str = 'backbone.') -> list[nn.Parameter]:
    """Those of a model that are trained and whose names begin with ``part``."""
    found = [
        parameter
        for name, parameter in model.named_parameters()
        if name.startswith(part) and parameter.requires_grad
    ]
    if not found:
        raise ValueError(
            f'{type(model).__name__} has no trainable parameter whose name begins with '
            f"{part!r}; give another part ('' for all of them) or set requires_grad."
        )
    return found


def mean_product(
    loss: BatchLoss,
    parameters: Sequence[nn.Parameter],
    vector: torch.Tensor,
    rows: slice,
    chunk: int,
) -> torch.Tensor:
    """The Hessian of the mean loss of the images ``rows``, times ``vector`` (n,).

    The model is in evaluation mode meanwhile, and afterwards as it was.
    """
    result = torch.zeros_like(vector)
    with undisturbed(loss.model):
        for start in range(rows.start, rows.stop, chunk):
            some = slice(start, min(start + chunk, rows.stop))
            share = (some.stop - some.start) / (rows.stop - rows.start)
            one = hessian_vector_product(lambda some=some: loss.mean(some), parameters, vector)
            result.add_(one, alpha=share)
    return result


def hessian_vector_product(
    loss: Callable[[], torch.Tensor],
    parameters: Sequence[nn.Parameter],
    vector: torch.Tensor,
) -> torch.Tensor:
    """The second derivatives (n, n) of a loss, times ``vector`` (n,).

    The gradient is differentiated once more. PyTorch's fused attention has a gradient
    but no second one, so that attention is computed in plain steps here. No ``grad``
    is touched.

    Args:
        loss: Computes the loss from the parameters.
        parameters: n numbers in all.
        vector: One number for each, in their order.
    """
    parts = vector.split([parameter.numel() for parameter in parameters])
    parts = [part.view_as(parameter) for part, parameter in zip(parts, parameters, strict=True)]
    unused = dict(allow_unused=True, materialize_grads=True)
    with (
        torch.enable_grad(),
        torch.autocast(vector.device.type, enabled=False),
        sdpa_kernel(SDPBackend.MATH),
    ):
        slopes = torch.autograd.grad(loss(), parameters, create_graph=True, **unused)
        # where the loss is linear, slopes do not depend on anything
        pairs = [pair for pair in zip(slopes, parts) if pair[0].requires_grad]
        if not pairs:
            return torch.zeros_like(vector)
        bent, along = zip(*pairs)
        products = torch.autograd.grad(bent, parameters, along, **unused)
    return torch.cat([product.flatten() for product in products])


def pretraining_loss(model: nn.Module, images: torch.Tensor, seed: int = 0) -> BatchLoss:
    """What a masked image model is trained for, on masks that are drawn once.

    The masks come from the model's masking, started from ``seed`` on the CPU: models
    that mask alike, on grids of one size, get the same ones on any machine. The model's
    own stream of masks does not move.

    Args:
        model: A ``MaskedImageModel``.
        images: (B, C, H, W) after the model's data preprocessor.
    """
    if not isinstance(model, MaskedImageModel):
        raise TypeError(
            f'pretraining_loss: {type(model).__name__} is not a MaskedImageModel, which draws '
            'masks and compares with pixels; give one, or take classification_loss.'
        )
    images = images.to(next(model.parameters()).device)
    masking = copy.deepcopy(model.masking)
    masking.reseed(seed)
    mask = masking(len(images), model.grid(images), torch.device('cpu')).to(images.device)
    each = len(mask.visible) // len(images)

    def mean(rows: slice) -> torch.Tensor:
        of_mask = slice(rows.start * each, rows.stop * each)
        some = Mask(*(ids if ids is None else ids[of_mask] for ids in mask))
        return model.loss(images[rows], mask=some)['loss']

    return BatchLoss('pre-training', model, len(images), mean)


def classification_loss(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> BatchLoss:
    """Cross entropy of class scores, without label smoothing whatever trained the model.

    Args:
        model: Gives scores (B, classes) for images, as mmpretrain's ``ImageClassifier``.
        images: (B, C, H, W) after the model's data preprocessor.
        labels: (B,) true classes.
    """
    device = next(model.parameters()).device
    images, labels = images.to(device), labels.to(device)
    with undisturbed(model):
        scores = model(images[:1])
    if not isinstance(scores, torch.Tensor) or scores.ndim != 2:
        raise TypeError(
            f'classification_loss: {type(model).__name__} gives no scores (B, classes) for images; '
            'give a classifier with a head, or take pretraining_loss.'
        )
    return BatchLoss(
        'classification',
        model,
        len(images),
        lambda rows: F.cross_entropy(model(images[rows]), labels[rows]),
    )
