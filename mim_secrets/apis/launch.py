"""From a config and the flags that OpenMMLab users know to a runner."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import torch
from mmengine.config import Config, ConfigDict, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner, find_latest_checkpoint

from mim_secrets.checkpoint.reading import read_content

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def add_common_flags(parser: argparse.ArgumentParser) -> None:
    """Flags that training and testing share."""
    parser.add_argument('config', help='config file')
    parser.add_argument('--work-dir', help='folder for logs and checkpoints')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='change keys of the config, as in optim_wrapper.optimizer.lr=1e-3 '
        'train_dataloader.batch_size=64; quote lists: key="[1,2]"',
    )
    parser.add_argument(
        '--launcher',
        choices=['none', 'pytorch', 'slurm', 'mpi'],
        default='none',
        help='what started the processes of a distributed run',
    )
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0)
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')


def read_config(args: argparse.Namespace) -> Config:
    """The config with the common flags merged in."""
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    if not Path(args.config).is_file():
        raise FileNotFoundError(
            f'There is no config at {args.config}; ours are in configs/, for example '
            'configs/playground/.'
        )
    cfg = Config.fromfile(args.config)
    if args.cfg_options is not None:
        cfg.merge_from_dict(args.cfg_options)
    cfg.launcher = args.launcher
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    return cfg


def build_runner(cfg: Config) -> Runner:
    """Check what can be checked cheaply, then build."""
    for key in DATALOADERS:
        for dataset in _datasets(cfg.get(key) or {}):
            _check_data_root(dataset, key)
    _check_checkpoint(cfg)
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        _prepare_cpu_ranks(cfg)
    cfg.setdefault('runner_type', 'mim_secrets.ReadableRunner')
    return RUNNERS.build(cfg)


def _check_checkpoint(cfg: Config) -> None:
    """Read what mmengine will read: it answers a file that is none with a stack."""
    path = cfg.get('load_from')
    if cfg.get('resume') and not path:
        path = find_latest_checkpoint(cfg.work_dir)
    if path and '://' not in str(path):
        read_content(path)


def _prepare_cpu_ranks(cfg: Config) -> None:
    """Several processes without a GPU, for which mmengine sets a CUDA device anyway."""
    torch.distributed.init_process_group('gloo')
    cfg.setdefault('model_wrapper_cfg', dict(device_ids=None))


def check_class_count(model: object, dataset: object, key: str) -> None:
    """A head with another number of classes than the data fails here, in words."""
    expected = getattr(getattr(model, 'head', None), 'num_classes', None)
    classes = getattr(dataset, 'metainfo', {}).get('classes')
    if expected is None or classes is None or len(classes) == expected:
        return
    raise ValueError(
        f'The head has {expected} classes but the data of {key} has {len(classes)} '
        f'({", ".join(map(str, classes[:3]))}, ...); pass --cfg-options '
        f'model.head.num_classes={len(classes)}.'
    )


def _datasets(cfg: ConfigDict | dict) -> Iterator[ConfigDict]:
    """Every data set of a data loader's config, however deeply it is wrapped."""
    for dataset in [cfg.get('dataset'), *cfg.get('datasets', [])]:
        if isinstance(dataset, dict):
            yield dataset
            yield from _datasets(dataset)


def _check_data_root(dataset: ConfigDict, key: str) -> None:
    root = dataset.get('data_root')
    if not root or '://' in root or Path(root).is_dir():
        return
    hint = (
        f' or draw it: python tools/dataset_converters/make_playground.py {root}'
        if 'playground' in root
        else ''
    )
    raise FileNotFoundError(
        f'The data folder {root} of {key} does not exist; link your data there, pass '
        f'--cfg-options {key}.dataset.data_root=FOLDER{hint}.'
    )
