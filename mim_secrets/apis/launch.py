"""From a config and the flags that OpenMMLab users know to a runner."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config, DictAction
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mim_secrets.apis.data_checks import check_data

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


def build_runner(cfg: Config, loaders: Sequence[str] = DATALOADERS) -> Runner:
    """Check the data behind ``loaders``, then build."""
    check_data(cfg, loaders, first_process=int(os.environ.get('RANK', 0)) == 0)
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        _prepare_cpu_ranks(cfg)
    cfg.setdefault('runner_type', 'mim_secrets.ReadableRunner')
    return RUNNERS.build(cfg)


def _prepare_cpu_ranks(cfg: Config) -> None:
    """Several processes without a GPU, for which mmengine sets a CUDA device anyway."""
    torch.distributed.init_process_group('gloo')
    cfg.setdefault('model_wrapper_cfg', dict(device_ids=None))


# Where models of the libraries keep how many classes or key points they know, and what
# their data sets say of it.
CLASS_COUNTS = (
    ('head.num_classes', 'classes'),  # mmpretrain
    ('bbox_head.num_classes', 'classes'),  # mmdet, one stage
    ('roi_head.bbox_head.num_classes', 'classes'),  # mmdet, two stages
    ('roi_head.mask_head.num_classes', 'classes'),
    ('decode_head.num_classes', 'classes'),  # mmseg
    ('auxiliary_head.num_classes', 'classes'),
    ('head.out_channels', 'keypoint_id2name'),  # mmpose
)


def check_class_count(model: object, dataset: object, key: str) -> None:
    """A head with another number of classes than the data fails here, in words."""
    metainfo = getattr(dataset, 'metainfo', {})
    wrong = {}
    for path, what in CLASS_COUNTS:
        known, names = _at(model, path), metainfo.get(what)
        if isinstance(known, int) and names is not None and len(names) != known:
            wrong[path] = (known, names, 'classes' if what == 'classes' else 'key points')
    if not wrong:
        return
    expected, names, kind = next(iter(wrong.values()))
    names = list(names.values()) if isinstance(names, dict) else list(names)
    options = ' '.join(f'model.{path}={len(names)}' for path in wrong)
    raise ValueError(
        f'The head has {expected} {kind} but the data of {key} has {len(names)} '
        f'({", ".join(map(str, names[:3]))}, ...); pass --cfg-options {options}.'
    )


def _at(owner: object, path: str) -> object:
    """The attribute at a dotted path, or nothing."""
    for name in path.split('.'):
        owner = getattr(owner, name, None)
    return owner
