"""From names to a config, and from a checkpoint to a filled model."""

import copy
import logging
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.logging import print_log
from mmengine.registry import DATASETS
from torch import nn

from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.reading import read_content, weights_of

INSTALL = 'the libraries of tasks come with: pip install "mim_secrets[downstream]"'
ConfigLike = str | Path | Config | dict


def read_config(config: ConfigLike) -> Config:
    """A copy of a config, read from its file, or from the work directory of a run."""
    if isinstance(config, Config):
        return copy.deepcopy(config)
    if isinstance(config, dict):
        return Config(copy.deepcopy(config))
    path = Path(config).expanduser()
    if path.is_dir():
        files = sorted(path.glob('*.py'), key=lambda file: file.stat().st_mtime)
        if not files:
            raise FileNotFoundError(
                f'There is no config in {path}; name a config, or the work directory of a run, '
                'which keeps a copy of its own.'
            )
        path = files[-1]
    if not path.is_file():
        raise FileNotFoundError(f'There is no config at {config}; ours are in configs/.')
    try:
        return Config.fromfile(path)
    except ModuleNotFoundError as error:
        raise ImportError(f'{path} cannot be read ({error}); {INSTALL}') from error


def weights_or_run(config: ConfigLike, weights: str | Path | None) -> str | Path:
    """``weights``, or where none are named the work directory that stands for the config."""
    if weights is not None:
        return weights
    if not (isinstance(config, str | Path) and Path(config).expanduser().is_dir()):
        raise ValueError(
            'No weights are named; give a checkpoint, or the work directory of a run in place of '
            'the config.'
        )
    return config


def fill_model(model: nn.Module, weights: str | Path) -> dict:
    """Load all parameters of a model from a file that is read weights-only.

    Args:
        model: Built, on the CPU.
        weights: A file, its address, or a work directory.

    Returns:
        What the file knows of its data set, such as ``classes``; empty if nothing.
    """
    path = newest_checkpoint(weights)
    content = read_content(path)
    tensors, _ = weights_of(content, path)
    try:
        missing, unused = model.load_state_dict(tensors, strict=False)
    except RuntimeError as error:
        raise ValueError(_misfit(model, tensors, path)) from error
    parameters = {name for name, _ in model.named_parameters()}
    missing = [name for name in missing if name in parameters]
    if missing:
        raise ValueError(
            f'{path} holds {len(parameters) - len(missing)} of the {len(parameters)} parameters '
            f'of this {type(model).__name__}: {missing[0]} is not there; name a checkpoint that '
            'was trained with this very config.'
        )
    if unused:
        print_log(
            f'{path}: {len(unused)} tensors have no place in this {type(model).__name__} and are '
            f'left out, {unused[0]} first; is this the config that it was trained with?',
            logger='current',
            level=logging.WARNING,
        )
    meta = content.get('meta') if isinstance(content, dict) else None
    meta = meta if isinstance(meta, dict) else {}
    known = meta.get('dataset_meta')
    if isinstance(known, dict):
        return {str(key).lower(): value for key, value in known.items()}
    return dict(classes=meta['CLASSES']) if 'CLASSES' in meta else {}


def _misfit(model: nn.Module, tensors: dict[str, torch.Tensor], path: str | Path) -> str:
    ours = model.state_dict()
    other = [n for n, t in tensors.items() if n in ours and ours[n].shape != t.shape]
    sizes = ('x'.join(map(str, side[other[0]].shape)) for side in (tensors, ours))
    return (
        f'{path} is of another model than this {type(model).__name__}: {other[0]} is '
        f'{next(sizes)} there and {next(sizes)} here, and {len(other) - 1} more differ; name '
        'the config that it was trained with.'
    )


def tested_dataset(cfg: Config) -> dict:
    """The config of the data set that models are tested on, without its wrappings."""
    for key in ('test_dataloader', 'val_dataloader'):
        dataset = (cfg.get(key) or {}).get('dataset')
        while dataset is not None and 'pipeline' not in dataset:
            dataset = dataset.get('dataset') or next(iter(dataset.get('datasets', [])), None)
        if dataset is not None:
            return dataset
    raise ValueError(
        'The config does not say how an image is prepared: no data set of its test_dataloader '
        'has a pipeline; name a config that tools/test.py can test.'
    )


def described_by(dataset: dict) -> dict:
    """What a config tells of its data set, together with what its class knows."""
    with DATASETS.switch_scope_and_registry(None) as registry:
        kind = registry.get(dataset['type'])
    if kind is None:
        raise KeyError(f'There is no data set {dataset["type"]}; check its spelling and scope.')
    meta = kind._load_metainfo(copy.deepcopy(dataset.get('metainfo')))
    classes = dataset.get('classes')
    return {**meta, 'classes': classes} if isinstance(classes, list | tuple) else dict(meta)
