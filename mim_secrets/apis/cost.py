"""What a model costs: parameters, and the arithmetic of one forward pass.

Counted on torch's ``meta`` device, where tensors have shapes and no values, so that the
largest model takes seconds and no memory. Unlike mmengine's count, which follows a traced
graph, this one knows attention that is computed by one fused function.
"""

import math
from dataclasses import dataclass

import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from mmengine.registry import MODELS, DefaultScope
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from mim_secrets.apis.starting_weights import find_encoders
from mim_secrets.models import Mask, MaskedImageModel


@dataclass(frozen=True)
class Part:
    """A part of a model, or all of it."""

    name: str
    parameters: int
    trained: int
    macs: int  # multiply-adds for one image


class RealRates(TorchFunctionMode):
    """Lets encoders read the rates of drop path, which have no values on ``meta``."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        device = dict(device='cpu') if func is torch.linspace else {}
        return func(*args, **{**(kwargs or {}), **device})


def build_on_meta(cfg: Config) -> nn.Module:
    """The whole model, without memory for its parameters."""
    cfg.model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    scope = DefaultScope.overwrite_default_scope(cfg.get('default_scope'))
    with scope, torch.device('meta'), RealRates():
        return revert_sync_batchnorm(MODELS.build(cfg.model)).eval()


def image_size(cfg: Config) -> tuple[int, int]:
    """Height and width that the encoder of a config was made for."""
    for _, encoder in find_encoders(cfg.model, cfg.get('default_scope')):
        size = encoder.get('img_size', 224)
        return (size, size) if isinstance(size, int) else tuple(size)
    raise ValueError(
        'The model of the config has no encoder of mim_secrets that would tell the size of '
        'its images; name it by --shape HEIGHT WIDTH.'
    )


def cost_of(model: nn.Module, shape: tuple[int, int]) -> list[Part]:
    """Costs of the parts of a model on ``meta``, the whole model last.

    Args:
        shape: Height and width of the image. A masked model is counted with as many
            patches visible and asked for as in training, loss included; a detector in
            two stages with as many regions as its test settings let through.
    """
    whole = Forward(model)
    with torch.device('meta'):
        images = torch.empty(1, 3, *shape)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            whole(images)
    counts = {name: sum(ops.values()) // 2 for name, ops in counter.get_flop_counts().items()}
    parts = [
        Part(name, *_parameters(child), _within(f'Forward.model.{name}', counts))
        for name, child in model.named_children()
    ]
    parts = [part for part in parts if part.parameters or part.macs]
    return [*parts, Part('all', *_parameters(model), counts['Global'])]


class Forward(nn.Module):
    """What of a model is counted. The counter knows modules by the one called first."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> None:
        model = self.model
        if isinstance(model, MaskedImageModel):
            model.loss(images, mask=any_mask(model, images))
        elif getattr(model, 'with_roi_head', False):
            in_two_stages(model, images)
        else:
            model(images, data_samples=None, mode='tensor')


def _within(name: str, counts: dict[str, int]) -> int:
    """Of a module, or of those in it where its ``forward`` is called past the counter."""
    if name in counts:
        return counts[name]
    inside = [other for other in counts if other.startswith(f'{name}.')]
    topmost = [one for one in inside if not any(one.startswith(f'{o}.') for o in inside)]
    return sum(counts[one] for one in topmost)


def _parameters(module: nn.Module) -> tuple[int, int]:
    sizes = [(p.numel(), p.requires_grad) for p in module.parameters()]
    return sum(size for size, _ in sizes), sum(size for size, trained in sizes if trained)


def any_mask(model: MaskedImageModel, images: torch.Tensor) -> Mask:
    """As many patches visible, masked and asked for as the model draws; which, is open."""
    masking, (rows, columns) = model.masking, model.grid(images)
    cell = masking.unit**2
    visible = cell * masking.num_visible(rows * columns // cell)
    ids = torch.arange(rows * columns).expand(len(images) * masking.masks_per_image, -1)
    masked = ids[:, visible:]
    asked = cell * math.ceil(masked.shape[1] // cell * masking.asked_share - 1e-6)
    return Mask(ids[:, :visible], masked, masked[:, :asked] if masking.asked_share < 1 else None)


def in_two_stages(model: nn.Module, images: torch.Tensor) -> None:
    """A detector of mmdet, whose regions depend on values: the most that it looks at."""
    maps = model.extract_feat(images)
    model.rpn_head(maps)
    heads, channels = model.roi_head, maps[0].shape[1]

    def regions(count: int, extractor: nn.Module) -> torch.Tensor:
        return torch.empty(count, channels, *extractor.roi_layers[0].output_size)

    heads.bbox_head(regions(model.test_cfg.rpn.max_per_img, heads.bbox_roi_extractor))
    if heads.with_mask:
        things = model.test_cfg.rcnn.max_per_img
        heads.mask_head(regions(things, heads.mask_roi_extractor))
