"""Test a checkpoint: a classifier, detector, segmentor or pose estimator by the metric of
its config, a pre-trained encoder by probes.

python tools/test.py CONFIG CHECKPOINT
python tools/test.py CONFIG CHECKPOINT --show-dir pictures   # draw what is predicted
python tools/test.py CONFIG CHECKPOINT --out predictions.pkl
bash tools/dist_test.sh CONFIG CHECKPOINT 8
"""

import argparse
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from mmengine.config import Config
from mmengine.model import is_model_wrapper

from mim_secrets.apis.cli import run_cli
from mim_secrets.apis.launch import add_common_flags, build_runner, read_config
from mim_secrets.apis.pictures import PicturesHook
from mim_secrets.apis.starting_weights import find_encoders
from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.reading import read_checkpoint


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a model')
    add_common_flags(parser)
    parser.add_argument(
        'checkpoint',
        help="checkpoint file, a work directory, or 'none' for a model as training starts with "
        'it, as a baseline',
    )
    parser.add_argument('--amp', action='store_true', help='run with automatic mixed precision')
    parser.add_argument('--show-dir', type=Path, help='folder for a picture of every prediction')
    parser.add_argument('--out', type=Path, help='.pkl file for all predictions')
    return parser.parse_args()


def merge_output_flags(cfg: Config, args: argparse.Namespace) -> None:
    for flag, asked in (('--show-dir', args.show_dir), ('--out', args.out)):
        if asked is not None and cfg.test_cfg.get('type', 'TestLoop') != 'TestLoop':
            raise ValueError(
                f'{flag}: {args.config} tests by {cfg.test_cfg.type}, which predicts nothing '
                'for single images; leave the flag out.'
            )
    if args.out is not None:
        if args.out.suffix not in ('.pkl', '.pickle'):
            raise ValueError(f'--out {args.out}: predictions are pickled; call it {args.out}.pkl.')
        evaluators = cfg.test_evaluator
        evaluators = evaluators if isinstance(evaluators, list) else [evaluators]
        dump = dict(type='mmengine.DumpResults', out_file_path=str(args.out))
        cfg.test_evaluator = [*evaluators, dump]


def must_fit(cfg: Config) -> None:
    """mmengine would test what a checkpoint of another model fills in part."""
    hooks = cfg.get('custom_hooks') or []
    if not any(str(hook.get('type')).endswith('WeightsTableHook') for hook in hooks):
        cfg.custom_hooks = [*hooks, dict(type='mim_secrets.WeightsTableHook')]


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    if cfg.get('test_cfg') is None:
        raise ValueError(
            f'{args.config} does not say how to test: it has no test_cfg; use a config '
            'with one, such as those in configs/playground/.'
        )
    fresh = args.checkpoint == 'none'
    if not fresh:
        cfg.load_from = str(newest_checkpoint(args.checkpoint))
        read_checkpoint(cfg.load_from)  # says in one sentence what is wrong with a file
    if args.amp:
        cfg.test_cfg.fp16 = True
    merge_output_flags(cfg, args)
    for _, encoder in find_encoders(cfg.model, cfg.get('default_scope')):
        named = (encoder.get('init_cfg') or {}).get('checkpoint')
        if not (fresh and named):
            encoder['init_cfg'] = None  # weights are the checkpoint's, or random
    must_fit(cfg)
    runner = build_runner(cfg, ('test_dataloader',))
    if args.show_dir is not None:
        runner.register_hook(PicturesHook(args.show_dir))
    if fresh:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.init_weights()
    runner.test()


if __name__ == '__main__':
    run_cli(main)
