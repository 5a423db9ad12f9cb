"""How far, how broadly and how differently heads attend: pure functions.

Xie et al., "Revealing the Dark Secrets of Masked Image Modeling", CVPR 2023. Rows of
attention are averaged over queries, then over images.
"""

import torch

from mim_secrets.analysis.attention import Maps, Places


def attention_distance(maps: Maps) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean distance from a patch to what it attends to, in input pixels.

    Attention to tokens that are no patch (class tokens, padding) is left out. The
    second result divides by what is left, so that rows sum to 1 again.

    Returns:
        Twice (b, heads): rows as they are, and made to sum to 1.
    """
    probabilities, places = maps.probabilities, maps.places
    distances = places.distances()[:, None]
    keys = places.patch[:, None, None, :].to(probabilities)
    far = (probabilities * distances).sum(dim=-1)
    share = (probabilities * keys).sum(dim=-1)
    asking = places.patch[:, None, :].to(probabilities)
    whole = far / share.clamp(min=torch.finfo(share.dtype).tiny)
    return tuple((rows * asking).sum(dim=(1, 3)) / asking.sum() for rows in (far, whole))


def uniform_distance(places: Places) -> tuple[float, float]:
    """``attention_distance`` of heads that attend to all keys alike."""
    windows, tokens = places.patch.shape
    apart = places.apart
    allowed = torch.ones(windows, tokens, tokens) if apart is None else (~apart).float().cpu()
    rows = allowed / allowed.sum(dim=-1, keepdim=True)
    on_cpu = Places(places.centres.cpu(), places.patch.cpu())
    plain, whole = attention_distance(Maps(rows[None, :, None], rows[None, :, None], on_cpu))
    return plain.item(), whole.item()


def entropy(maps: Maps) -> torch.Tensor:
    """(b, heads) nats: how broadly each head looks, over all keys and all queries."""
    return -maps.products.diagonal(dim1=1, dim2=2)


def divergence(maps: Maps) -> torch.Tensor:
    """(b, heads, heads) nats: KL(a || b), how differently heads a and b look."""
    return maps.products.diagonal(dim1=1, dim2=2)[..., None] - maps.products
