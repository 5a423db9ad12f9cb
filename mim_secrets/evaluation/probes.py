"""How well classes can be told apart by features that were learnt without them.

Both probes look at cached features, draw no random numbers and give the top-1
accuracy on the query images in percent.
"""

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast_object_list, is_main_process
from torch import nn
from torch.utils.data import DataLoader

from mim_secrets.evaluation.features import Features, extract_features


def run_probes(
    model: nn.Module,
    bank: DataLoader,
    query: DataLoader,
    pooling: str = 'avg',
    fp16: bool = False,
) -> dict[str, float]:
    """Learn from the images of ``bank``, test on those of ``query``.

    All ranks compute features; the first one computes the probes and tells the
    others.
    """
    bank_features = extract_features(model, bank, pooling, fp16)
    query_features = extract_features(model, query, pooling, fp16)
    metrics: list[dict | None] = [None]
    if is_main_process():
        device = next(model.parameters()).device
        metrics[0] = dict(
            knn_top1=knn_top1(bank_features, query_features, device=device),
            linear_top1=linear_top1(bank_features, query_features, device=device),
        )
    broadcast_object_list(metrics)
    return metrics[0]


@torch.no_grad()
def knn_top1(
    bank: Features,
    query: Features,
    k: int = 20,
    temperature: float = 0.07,
    device: torch.device | str = 'cpu',
    chunk: int = 8192,
) -> float:
    """Each query image is voted on by the ``k`` most similar images of the bank.

    A vote weighs exp(cosine similarity / temperature), as in Caron et al.,
    "Emerging Properties in Self-Supervised Vision Transformers", ICCV 2021. At
    most ``chunk`` x ``chunk`` similarities exist at a time; a bank of fewer than
    ``k`` images votes as a whole.
    """
    k = min(k, len(bank.labels))
    similarity = torch.full((len(query.labels), k), -torch.inf, device=device)
    label = torch.zeros((len(query.labels), k), dtype=torch.int64, device=device)
    # the bank is the large one: each part of it is moved to the device once
    for values, labels in _chunks(bank, device, chunk):
        values = F.normalize(values, dim=1)
        start = 0
        for queries, _ in _chunks(query, device, chunk):
            rows = slice(start, start := start + len(queries))
            found = F.normalize(queries, dim=1) @ values.T
            found, index = found.topk(min(k, len(labels)), dim=1)
            candidates = torch.cat([similarity[rows], found], dim=1)
            candidate_labels = torch.cat([label[rows], labels[index]], dim=1)
            similarity[rows], best = candidates.topk(k, dim=1)
            label[rows] = candidate_labels.gather(1, best)
    votes = torch.zeros(len(label), _num_classes(bank, query), device=device)
    votes.scatter_add_(1, label, (similarity / temperature).exp())
    return _top1(votes, query.labels)


@torch.no_grad()
def linear_top1(
    bank: Features,
    query: Features,
    device: torch.device | str = 'cpu',
    chunk: int = 65536,
) -> float:
    """A linear classifier is fitted to the bank and tested on the query images.

    Channels are standardised with the bank's statistics, which is what the
    affine-free BatchNorm in MAE's linear probe amounts to.
    """
    variance, mean = torch.var_mean(bank.values, dim=0)
    std = (variance + 1e-6).sqrt()
    bank = Features((bank.values - mean) / std, bank.labels)
    query = Features((query.values - mean) / std, query.labels)
    num_classes = _num_classes(bank, query)
    weight, bias = fit_linear(bank, num_classes, device=device, chunk=chunk)
    logits = [values @ weight + bias for values, _ in _chunks(query, device, chunk)]
    return _top1(torch.cat(logits), query.labels)


@torch.no_grad()
def fit_linear(
    features: Features,
    num_classes: int,
    decay: float = 1e-4,
    iterations: int = 100,
    device: torch.device | str = 'cpu',
    chunk: int = 65536,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Multinomial logistic regression by L-BFGS on all features at once.

    The problem is convex and starts from zero, so there is no learning rate to
    choose and no seed. The little decay matters only where classes can be
    separated perfectly and the weights would grow for ever.

    Args:
        features: Standardised, (N, D).
        num_classes: C.
        decay: Factor on half the squared weights, beside the mean loss.
        iterations: At most so many.
        device: Where to compute; features are moved there in parts.
        chunk: Number of images in a part.

    Returns:
        Weight (D, C) and bias (C,), on the device.
    """
    count, dims = features.values.shape
    weight = torch.zeros(dims, num_classes, device=device)
    bias = torch.zeros(num_classes, device=device)

    def closure() -> torch.Tensor:
        loss = decay / 2 * weight.square().sum()
        weight.grad, bias.grad = decay * weight, torch.zeros_like(bias)
        for values, labels in _chunks(features, device, chunk):
            log_p = torch.log_softmax(torch.addmm(bias, values, weight), dim=1)
            loss += F.nll_loss(log_p, labels, reduction='sum') / count
            error = log_p.exp_().scatter_add_(1, labels[:, None], -torch.ones_like(log_p[:, :1]))
            weight.grad.addmm_(values.T, error, alpha=1 / count)
            bias.grad.add_(error.sum(dim=0), alpha=1 / count)
        return loss

    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=iterations,
        tolerance_grad=1e-5,
        history_size=10,
        line_search_fn='strong_wolfe',
    )
    optimizer.step(closure)
    return weight, bias


def _chunks(features: Features, device: torch.device | str, size: int):
    for values, labels in zip(*(part.split(size) for part in features), strict=True):
        yield values.to(device), labels.to(device)


def _num_classes(bank: Features, query: Features) -> int:
    return int(max(bank.labels.max(), query.labels.max())) + 1


def _top1(scores: torch.Tensor, labels: torch.Tensor) -> float:
    return (scores.argmax(dim=1).cpu() == labels).double().mean().item() * 100
