"""Configs as the tests want them: read, made small, built without memory."""

import copy
import functools
import re
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper
from mmengine.registry import FUNCTIONS, MODELS, DefaultScope
from mmpretrain.structures import DataSample
from torch.utils.flop_counter import FlopCounterMode

from mim_secrets.apis.cost import RealRates, any_mask
from mim_secrets.models import RepLKNet, ViT
from mim_secrets.models.backbones.shortening import blocks_left

ROOT = Path(__file__).parent.parent
# a method's folders of configs for other models and data, with tests of their own
LIBRARIES = ('depth', 'mmdet', 'mmpose', 'mmseg', 'tracking')
_paths = [path.relative_to(ROOT / 'configs') for path in (ROOT / 'configs').rglob('*.py')]
EVERYTHING = sorted(path.as_posix() for path in _paths if '_base_' not in path.parts)
# of other data than ImageNet: tests/test_transfer_configs.py has them
TRANSFER = [name for name in EVERYTHING if name.startswith('dark_secrets/benchmarks/')]
OTHERS = {name for name in EVERYTHING if set(LIBRARIES) & set(name.split('/'))}
# the embedded world in the layouts that those libraries read
LAYOUTS = re.compile('_playground-(ade20k|coco|crowdpose|got10k|kitti|lasot|nyu)')
OTHERS |= {name for name in EVERYTHING if LAYOUTS.search(name)}
# these test a model that another config trained
TEST_ONLY = [name for name in EVERYTHING if re.search(r'-knn_|_in1k-(a|r|sketch|c)\.py$', name)]
CONFIGS = [name for name in EVERYTHING if name not in {*OTHERS, *TRANSFER, *TEST_ONLY}]
DENSE = [name for name in EVERYTHING if {'mmdet', 'mmseg'} & set(name.split('/'))]
# all others inherit from one of these, of the same name
DENSE_OWN = [
    name
    for name in DENSE
    if name.startswith('mae/') or (name.startswith('simmim/') and 'vit-' not in name)
]
DENSE_PLAYGROUND = [name for name in EVERYTHING if re.match('playground/.*(rcnn|upernet)', name)]
IMAGENET = [name for name in CONFIGS if not name.startswith('playground/')]
RECIPES = [name for name in IMAGENET if name.startswith('recipes/')]
SUPERVISED = [name for name in IMAGENET if name.startswith('supervised/')]
SHORTENED = [name for name in IMAGENET if name.startswith('dark_secrets/')]
BENCHMARKS = [name for name in IMAGENET if '/benchmarks/' in name]
PRETRAINING = [
    name for name in IMAGENET if name not in (*RECIPES, *SUPERVISED, *SHORTENED, *BENCHMARKS)
]


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
    """Keep widths, heads, windows and losses; leave few blocks and few patches."""
    encoder = cfg.model.backbone
    kind = MODELS.get(f'mim_secrets.{encoder.type.split(".")[-1]}')
    arch = encoder.arch
    zoo = kind.arch_settings if kind is RepLKNet else kind.arch_zoo
    arch = dict(zoo[arch] if isinstance(arch, str) else arch)
    drop_last = encoder.get('drop_last', 0)
    if kind is ViT:
        frozen_before, frozen_after = arch['num_layers'], 2
        arch['num_layers'] = 2 + drop_last
        side = 4 * encoder.get('patch_size', 16)
    else:
        blocks = 'layers' if kind is RepLKNet else 'depths'
        count = len(arch[blocks])
        frozen_before = frozen_after = count if kind is RepLKNet else count - 1
        kept = blocks_left(kind.__name__, arch[blocks], drop_last)
        left_out = [depth - left for depth, left in zip_longest(arch[blocks], kept, fillvalue=0)]
        few = [2] + [1] * (len(kept) - 1)
        arch[blocks] = [sum(pair) for pair in zip_longest(few, left_out, fillvalue=0)]
        side = encoder.get('patch_size', 4) * 2**count  # the last map is 2x2
    encoder.update(arch=arch, img_size=side, init_cfg=None)
    if 'frozen_stages' in encoder:
        assert encoder.frozen_stages == frozen_before, 'a probe trains no block'
        encoder.frozen_stages = frozen_after
    if 'depth' in (cfg.model.get('neck') or {}):
        cfg.model.neck.depth = 1
    if 'levels' in (cfg.model.get('fusion') or {}):
        cfg.model.fusion.levels = None
    if 'streams' in (cfg.model.get('fusion') or {}):
        cfg.model.fusion.streams = cfg.model.neck.depth  # each block of the decoder reads one


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
    scope = DefaultScope.overwrite_default_scope(cfg.default_scope)
    with scope, torch.device('meta'), RealRates():
        return MODELS.build(model_cfg(cfg))


def forward_once(model: torch.nn.Module, cfg: Config, batch: int) -> torch.Tensor:
    """The loss of a masked model, or the scores of a classifier, without numbers."""
    side = cfg.model.backbone.img_size
    with torch.device('meta'):
        images = torch.empty(batch, 3, side, side)
        if not hasattr(model, 'masking'):
            return model(images)
        return model.loss(images, mask=any_mask(model, images))['loss']


class Cost(NamedTuple):
    """What one image costs in a forward pass, and what comes out."""

    parameters: int
    macs: int  # multiply-adds
    shape: tuple[int, ...]  # of the loss, or of the scores


def cost_of(name: str) -> Cost:
    """Of a config; those with the same model are measured once."""
    cfg = read(name)
    return once(_measure, cfg, cfg.model)


def _measure(cfg: Config) -> Cost:
    model = built_on_meta(cfg).eval()
    with FlopCounterMode(display=False) as counter:
        output = forward_once(model, cfg, batch=1)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    return Cost(parameters, counter.get_total_flops() // 2, tuple(output.shape))


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
