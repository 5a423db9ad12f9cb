"""Train a model: pre-training, fine-tuning, anything that a config describes.

python tools/train.py configs/mff/mff_vit-base-p16_8xb512-amp-src-coslr-300e_in1k.py
python tools/train.py CONFIG --pretrained work_dirs/mff   # fine-tune what a run has learnt
python tools/train.py CONFIG --resume                # go on where a run stopped
python tools/train.py CONFIG --cfg-options train_dataloader.batch_size=64
bash tools/dist_train.sh CONFIG 8                    # on eight GPUs
"""

import argparse

import torch
from mmengine.config import Config
from mmengine.model import is_model_wrapper

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from mim_secrets.apis.cli import run_cli
from mim_secrets.apis.launch import (
    DATALOADERS,
    add_common_flags,
    build_runner,
    check_class_count,
    read_config,
)
from mim_secrets.apis.starting_weights import set_starting_weights

# Scopes whose images come out of the pipeline in one size. Images of detectors, segmentors
# and pose estimators need not, and are padded by the model's data preprocessor.
STACKING = ('mim_secrets', 'mmpretrain')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Train a model')
    add_common_flags(parser)
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        help='go on from a checkpoint, or from the last one in the work directory',
    )
    parser.add_argument(
        '--pretrained',
        metavar='FILE_OR_WORK_DIR',
        help='where the encoder starts: a checkpoint, the work directory of a run, which '
        "stands for its newest one, or 'none' for random weights",
    )
    parser.add_argument('--amp', action='store_true', help='train with automatic mixed precision')
    parser.add_argument(
        '--no-validate', action='store_true', help='skip validation during training'
    )
    parser.add_argument(
        '--auto-scale-lr',
        action='store_true',
        help='scale the learning rate to the actual batch size',
    )
    parser.add_argument('--no-pin-memory', action='store_true')
    parser.add_argument('--no-persistent-workers', action='store_true')
    return parser.parse_args()


def merge_training_flags(cfg: Config, args: argparse.Namespace) -> None:
    if args.no_validate:
        cfg.val_cfg = cfg.val_dataloader = cfg.val_evaluator = None
    if args.amp:
        cfg.optim_wrapper.type = 'AmpOptimWrapper'
    if args.resume is not None:
        cfg.resume = True
        cfg.load_from = None if args.resume == 'auto' else args.resume
        overdue = dict(type='mim_secrets.OverdueValidationHook')
        cfg.custom_hooks = [*(cfg.get('custom_hooks') or []), overdue]
    if args.auto_scale_lr:
        if not cfg.get('auto_scale_lr'):
            raise ValueError(
                f'--auto-scale-lr: {args.config} does not say for which batch size its '
                'learning rate was chosen; add auto_scale_lr=dict(base_batch_size=N).'
            )
        cfg.auto_scale_lr.enable = True
    for key in DATALOADERS:
        if cfg.get(key) is None:
            continue
        workers = cfg[key].get('num_workers', 0)
        cfg[key].setdefault('pin_memory', torch.cuda.is_available())
        cfg[key].setdefault('persistent_workers', workers > 0)
        if cfg.get('default_scope') in STACKING:
            cfg[key].setdefault('collate_fn', dict(type='default_collate'))
        if args.no_pin_memory:
            cfg[key].pin_memory = False
        if args.no_persistent_workers:
            cfg[key].persistent_workers = False


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    merge_training_flags(cfg, args)
    set_starting_weights(cfg, args.pretrained)
    runner = build_runner(cfg, ('train_dataloader', 'val_dataloader'))
    model = runner.model.module if is_model_wrapper(runner.model) else runner.model
    check_class_count(model, runner.train_dataloader.dataset, 'train_dataloader')
    runner.train()


if __name__ == '__main__':
    run_cli(main)
