"""Features of a frozen encoder: computed once, kept on the CPU."""

import math
import sys
from typing import NamedTuple

import torch
from mmengine.dist import all_gather, get_world_size, is_main_process
from mmengine.runner.amp import autocast
from rich.progress import track
from torch import nn
from torch.utils.data import DataLoader

from mim_secrets.evaluation.undisturbed import undisturbed

# What mmpretrain's backbones call an output that is pooled already.
POOLED_BY_ENCODER = {'avg': 'avg_featmap', 'cls': 'cls_token'}


class Features(NamedTuple):
    """One vector and one class for each image of a data set, on the CPU."""

    values: torch.Tensor  # (N, D) float32
    labels: torch.Tensor  # (N,) int64


def extract_features(
    model: nn.Module, dataloader: DataLoader, pooling: str = 'avg', fp16: bool = False
) -> Features:
    """Run the encoder, unmasked and frozen, over a data set with labels.

    In a distributed run each rank computes the share that its sampler gives it,
    and every rank returns all of them.

    Args:
        model: Anything with a ``data_preprocessor`` and a ``backbone``, such as a
            ``MaskedImageModel`` or mmpretrain's ``ImageClassifier``.
        dataloader: Each image once, as by ``DefaultSampler``.
        pooling: ``avg`` over the patch tokens or the ``cls`` token of the
            backbone's last output.
        fp16: Compute under autocast.
    """
    values, labels = [], []
    batches = track(
        dataloader,
        description=f'Features of {len(dataloader.dataset):,} images',
        disable=not (sys.stdout.isatty() and is_main_process()),
        transient=True,
    )
    with undisturbed(model), autocast(enabled=fp16):
        for batch in batches:
            images, samples = _prepare(model, batch)
            output = model.backbone(images)
            values.append(pool(output, model.backbone, pooling).float().cpu())
            labels.extend(_label(sample) for sample in samples)
    return _all_ranks(Features(torch.cat(values), torch.tensor(labels)), dataloader)


def pool(
    output: torch.Tensor | tuple[torch.Tensor, ...], backbone: nn.Module, pooling: str
) -> torch.Tensor:
    """One vector (B, D) for each image from the last of a backbone's outputs.

    The output may be tokens (B, E + N, D) with the E extra tokens first, a map
    (B, D, H, W), or (B, D) where the encoder pools by itself.
    """
    if pooling not in POOLED_BY_ENCODER:
        raise ValueError(f"pooling is {pooling!r}, but only 'avg' and 'cls' exist.")
    last = output if isinstance(output, torch.Tensor) else output[-1]
    out_type = getattr(backbone, 'out_type', None)
    extra = getattr(backbone, 'num_extra_tokens', 0)
    if last.ndim == 3 and pooling == 'avg':
        return last[:, extra:].mean(dim=1)
    if last.ndim == 3 and extra > 0:
        return last[:, 0]
    if last.ndim == 4 and pooling == 'avg':
        return last.mean(dim=(2, 3))
    if last.ndim == 2 and out_type == POOLED_BY_ENCODER[pooling]:
        return last
    raise ValueError(
        f'pooling={pooling!r} cannot be had from {type(backbone).__name__}, whose last '
        f"output is {tuple(last.shape)} with out_type={out_type!r}; set out_type='raw' "
        'in the backbone, or choose the other pooling.'
    )


def _prepare(model: nn.Module, batch: dict) -> tuple[torch.Tensor, list]:
    inputs = batch['inputs']
    if not isinstance(inputs, torch.Tensor):
        # mmpretrain's preprocessor takes a list to be views, not images
        inputs = torch.stack(inputs)
    batch = dict(inputs=inputs, data_samples=batch['data_samples'])
    batch = model.data_preprocessor(batch, training=False)
    return batch['inputs'], batch['data_samples']


def _label(sample: object) -> int:
    label = getattr(sample, 'gt_label', None)
    if label is None or len(label) != 1:
        raise ValueError(
            f'A probe needs one label for each image, but found {label}; give bank and '
            'query a data set with labels (with_label=True) whose pipeline ends in '
            'mmpretrain.PackInputs.'
        )
    return int(label)


def _all_ranks(own: Features, dataloader: DataLoader) -> Features:
    """Put the ranks' shares together in the order of the data set.

    ``DefaultSampler`` deals the images out in turn and repeats some at the end,
    so that all ranks have equally many.
    """
    size = len(dataloader.dataset)
    share = math.ceil(size / get_world_size())
    if len(own.labels) != share:
        raise ValueError(
            f'A probe must see each of {size} images once, {share} on this process, '
            f'but its data loader gave {len(own.labels)}; use sampler=dict('
            "type='DefaultSampler', shuffle=False) and drop_last=False."
        )
    parts = [torch.stack(all_gather(part), dim=1).flatten(0, 1)[:size] for part in own]
    return Features(*parts)
