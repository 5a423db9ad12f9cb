"""CKA by other packages, on the same images, models and layers as ours."""

import copy
import importlib.metadata
import importlib.util
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

# Name in the package index -> what is imported.
PACKAGES = {'torch-cka': 'torch_cka', 'pytorch-cka': 'cka'}

Compare = Callable[[], np.ndarray]


def version_of(package: str) -> str | None:
    """None if it is not installed."""
    if importlib.util.find_spec(PACKAGES[package]) is None:
        return None
    return importlib.metadata.version(package)


def build(
    package: str, models: Sequence[nn.Module], images: torch.Tensor, group: int, layers: list[str]
) -> Compare:
    """A function that takes all images through both models: CKA (L, L) of their layers.

    Both packages have the unbiased estimate of each batch; a batch is a group of ours.
    """
    # their hooks may stay where they are put
    models = copy.deepcopy(list(models))
    loader = DataLoader(TensorDataset(images), group)
    return dict(zip(PACKAGES, (_torch_cka, _pytorch_cka)))[package](models, loader, layers)


def _torch_cka(models: list[nn.Module], loader: DataLoader, layers: list[str]) -> Compare:
    from torch_cka import CKA

    names = dict(model1_name='one', model2_name='other')
    device = str(next(models[0].parameters()).device)
    comparison = CKA(*models, **names, model1_layers=layers, model2_layers=layers, device=device)

    def compare() -> np.ndarray:
        # by itself it keeps what a backward pass would need
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter('ignore')
            comparison.compare(loader)
        return comparison.export()['CKA'].cpu().numpy()

    return compare


def _pytorch_cka(models: list[nn.Module], loader: DataLoader, layers: list[str]) -> Compare:
    from cka import compute_cka

    device = next(models[0].parameters()).device

    def compare() -> np.ndarray:
        options = dict(layers=layers, device=device, progress=False)
        return compute_cka(*models, loader, **options)[0].cpu().numpy()

    return compare
