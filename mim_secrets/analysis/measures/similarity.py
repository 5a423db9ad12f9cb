"""How alike two sets of features of the same images are: pure functions.

Linear CKA: Kornblith et al., "Similarity of Neural Network Representations Revisited",
ICML 2019; its unbiased estimate from small groups of images: Nguyen, Raghu and
Kornblith, "Do Wide and Deep Networks Learn the Same Things?", ICLR 2021. Both are read
from inner products of Gram matrices that are centred once for each layer.
"""

import numpy as np
import torch

# The unbiased estimate divides by n (n - 3).
LEAST_IMAGES = 4


def gram(features: torch.Tensor) -> torch.Tensor:
    """(n, n) inner products of features (n, D), in float64.

    The products are made in float32; features are centred first, since what they have
    in common is often larger than what tells them apart.
    """
    centred = features.float()
    centred = centred - centred.mean(dim=0)
    return (centred @ centred.T).double()


def centre(grams: torch.Tensor) -> torch.Tensor:
    """Grams (..., n, n) whose products are the biased HSIC_0, times (n - 1) ** 2."""
    rows = grams.mean(dim=-1, keepdim=True)
    return grams - rows - rows.transpose(-1, -2) + rows.mean(dim=-2, keepdim=True)


def centre_unbiased(grams: torch.Tensor) -> torch.Tensor:
    """Grams (..., n, n) whose products are the unbiased HSIC_1, times n (n - 3).

    An image's product with itself counts for nothing, and rows without it are brought
    to a sum of zero (U-centring, Szekely and Rizzo, Annals of Statistics 2014).
    """
    images = grams.shape[-1]
    diagonal = torch.eye(images, dtype=torch.bool, device=grams.device)
    grams = grams.masked_fill(diagonal, 0)
    rows = grams.sum(dim=-1, keepdim=True) / (images - 2)
    whole = rows.sum(dim=-2, keepdim=True) / (images - 1)
    return (grams - rows - rows.transpose(-1, -2) + whole).masked_fill(diagonal, 0)


def hsic_products(grams_a: torch.Tensor, grams_b: torch.Tensor) -> torch.Tensor:
    """(La, Lb) inner products of centred Grams (La, n, n) and (Lb, n, n)."""
    return grams_a.flatten(1) @ grams_b.flatten(1).T


def cka(products: np.ndarray) -> np.ndarray:
    """CKA of all layers with all, from HSICs (..., L, L) of all layers with all."""
    own = np.sqrt(np.diagonal(products, axis1=-2, axis2=-1))
    with np.errstate(invalid='ignore', divide='ignore'):
        return products / (own[..., :, None] * own[..., None, :])
