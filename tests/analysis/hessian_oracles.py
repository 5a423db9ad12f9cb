"""Small models, and their Hessians found without second derivatives."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from mmpretrain.models import ImageClassifier
from torch import nn

from mim_secrets.analysis.measures.curvature import BatchLoss, trainable_parameters
from tests.models.small import small_model

ARCH = dict(embed_dims=4, num_layers=1, num_heads=2, feedforward_channels=4)


class Quadratic(nn.Module):
    """Image i has the loss scales[i] / 2 * x' A x, so that the Hessian is known."""

    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.matrix = matrix
        self.backbone = nn.ParameterDict(dict(x=torch.ones(len(matrix))))

    def loss(self, scales: list[float]) -> BatchLoss:
        scales = torch.tensor(scales)

        def mean(rows: slice) -> torch.Tensor:
            x = self.backbone['x']
            return scales[rows].mean() / 2 * (x @ self.matrix @ x)

        return BatchLoss('quadratic', self, len(scales), mean)


def turned(eigenvalues: list[float]) -> torch.Tensor:
    """A full matrix with these eigenvalues."""
    generator = torch.Generator().manual_seed(0)
    turn, _ = torch.linalg.qr(torch.randn(len(eigenvalues), len(eigenvalues), generator=generator))
    return turn @ torch.diag(torch.tensor(eigenvalues)) @ turn.T


def tiny_mae(method: str = 'MAE', **options):
    torch.manual_seed(0)
    decoder = dict(type='mim_secrets.MAEDecoder', dims=8, depth=1, num_heads=2)
    model = small_model(method, img_size=16, patch_size=4, arch=ARCH, neck=decoder, **options)
    return shaken(model)


def tiny_classifier() -> ImageClassifier:
    torch.manual_seed(0)
    backbone = dict(type='VisionTransformer', arch=ARCH, img_size=16, patch_size=4, drop_rate=0.5)
    head = dict(type='VisionTransformerClsHead', num_classes=3, in_channels=4)
    return shaken(ImageClassifier(backbone, head=head))


def shaken(model: nn.Module) -> nn.Module:
    """Off the symmetric start, where much of a Hessian is zero."""
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data += 0.3 * torch.randn_like(parameter)
    return model


def images(count: int = 6) -> torch.Tensor:
    return torch.randn(count, 3, 16, 16, generator=torch.Generator().manual_seed(1))


LABELS = torch.tensor([0, 1, 2, 0, 1, 2])


def plain_loss(model: nn.Module, pictures: torch.Tensor, seed: int = 0) -> torch.Tensor:
    """What a masked image model is trained for, in float64 all through."""
    masking = copy.deepcopy(model.masking)
    masking.reseed(seed)
    mask = masking(len(pictures), (4, 4), pictures.device)
    patches = pictures.unflatten(3, (4, 4)).unflatten(2, (4, 4)).permute(0, 2, 4, 3, 5, 1)
    patches = patches.flatten(3).flatten(1, 2)  # (B, 16, 4 * 4 * 3)
    target = torch.stack([own[ids] for own, ids in zip(patches, mask.masked)])
    target = (target - target.mean(-1, keepdim=True)) / (target.var(-1, keepdim=True) + 1e-6).sqrt()
    return (model.predict_masked(pictures, mask) - target).square().mean()


def slopes(loss: Callable[[], torch.Tensor], parameters: list[nn.Parameter]) -> np.ndarray:
    found = torch.autograd.grad(loss(), parameters, materialize_grads=True, allow_unused=True)
    return torch.cat([slope.flatten() for slope in found]).numpy()


def exact_eigenvalues(model: nn.Module, loss: Callable[[nn.Module], torch.Tensor]) -> np.ndarray:
    """All those of the encoder, falling, from central differences of first derivatives.

    In float64, one row for each parameter. Nothing here is differentiated twice.
    """
    model = copy.deepcopy(model).double().eval()
    parameters = trainable_parameters(model)
    rows, step = [], 1e-5
    for parameter in parameters:
        flat = parameter.data.view(-1)
        for i, here in enumerate(flat.tolist()):
            around = []
            for moved in (here + step, here - step):
                flat[i] = moved
                around.append(slopes(lambda: loss(model), parameters))
            flat[i] = here
            rows.append((around[0] - around[1]) / (2 * step))
    hessian = np.stack(rows)
    np.testing.assert_allclose(hessian, hessian.T, atol=1e-6 * np.abs(hessian).max())
    return np.linalg.eigvalsh(hessian)[::-1]
