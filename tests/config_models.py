"""Configs as the tests want them: read, made small, built without memory."""

import copy
import functools
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import FUNCTIONS, MODELS, DefaultScope
from mmpretrain.structures import DataSample

from mim_secrets.models import Mask, ViT

ROOT = Path(__file__).parent.parent
CONFIGS = sorted(
    path.relative_to(ROOT / 'configs').as_posix()
    for path in (ROOT / 'configs').rglob('*.py')
    if '_base_' not in path.parts
)
IMAGENET = [name for name in CONFIGS if not name.startswith('playground/')]
PRETRAINING = [name for name in IMAGENET if '/benchmarks/' not in name]
BENCHMARKS = [name for name in IMAGENET if '/benchmarks/' in name]


@functools.cache
def _read(name: str) -> Config:
    return Config.fromfile(ROOT / 'configs' / name)


def read(name: str) -> Config:
    return copy.deepcopy(_read(name))


def model_cfg(cfg: Config) -> dict:
    """The model's config, completed as mmengine's runner completes it."""
    cfg.model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    return cfg.model


def shrink(cfg: Config) -> None:
    """Keep widths, heads and losses; leave two blocks and sixteen patches."""
    encoder = cfg.model.backbone
    arch = encoder.arch
    arch = dict(ViT.arch_zoo[arch] if isinstance(arch, str) else arch)
    encoder.update(
        arch=dict(arch, num_layers=2),
        img_size=4 * encoder.get('patch_size', 16),
        init_cfg=None,
    )
    if 'frozen_stages' in encoder:
        assert encoder.frozen_stages == arch['num_layers'], 'a probe trains no block'
        encoder.frozen_stages = 2
    if 'depth' in (cfg.model.get('neck') or {}):
        cfg.model.neck.depth = 1
    if 'levels' in (cfg.model.get('fusion') or {}):
        cfg.model.fusion.levels = None


def one_batch(cfg: Config) -> dict:
    """Two images as the config's data loader hands them on, classes 0 and 1."""
    side = cfg.model.backbone.img_size
    generator = torch.Generator().manual_seed(0)
    samples = [
        dict(
            inputs=torch.randint(256, (3, side, side), generator=generator).byte(),
            data_samples=DataSample().set_gt_label(label),
        )
        for label in range(2)
    ]
    return FUNCTIONS.get(cfg.train_dataloader.collate_fn.type)(samples)


def built_on_meta(cfg: Config) -> torch.nn.Module:
    """The whole model, without memory for its parameters."""
    with DefaultScope.overwrite_default_scope(cfg.default_scope), torch.device('meta'):
        return MODELS.build(model_cfg(cfg))


def forward_once(model: torch.nn.Module, cfg: Config, batch: int) -> torch.Tensor:
    """The loss of a masked model, or the scores of a classifier, without numbers."""
    side = cfg.model.backbone.img_size
    with torch.device('meta'):
        images = torch.empty(batch, 3, side, side)
        if not hasattr(model, 'masking'):
            return model(images)
        count = (side // model.backbone.patch_size) ** 2
        ids = torch.arange(count).expand(batch, -1)
        visible = model.masking.num_visible(count)
        return model.loss(images, mask=Mask(ids[:, :visible], ids[:, visible:]))['loss']


def optimizer_of(cfg: Config, model: torch.nn.Module) -> OptimWrapper:
    """The config's optimizer; mmengine has mixed precision on accelerators only."""
    wrapper = cfg.optim_wrapper
    if wrapper.get('type') == 'AmpOptimWrapper' and not torch.cuda.is_available():
        wrapper.type = 'OptimWrapper'
        wrapper.pop('dtype', None)
        wrapper.pop('loss_scale', None)
    return build_optim_wrapper(model, wrapper)


def once(check: Callable[[dict], object], cfg: dict, *parts: object) -> object:
    """``check(cfg)``, remembered for other configs with the same ``parts``."""
    key = (check.__name__, repr(parts))
    if key not in _remembered:
        _remembered[key] = check(cfg)
    return _remembered[key]


_remembered: dict[tuple[str, str], object] = {}
