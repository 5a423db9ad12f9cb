"""Test a checkpoint: accuracy of a classifier, probes of a pre-trained encoder.

python tools/test.py CONFIG CHECKPOINT
bash tools/dist_test.sh CONFIG CHECKPOINT 8
"""

import argparse

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from mmengine.model import is_model_wrapper

from mim_secrets.apis.cli import run_cli
from mim_secrets.apis.launch import add_common_flags, build_runner, read_config
from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.reading import read_checkpoint


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Test a model')
    add_common_flags(parser)
    parser.add_argument(
        'checkpoint',
        help="checkpoint file, a work directory, or 'none' for a fresh model as a baseline",
    )
    parser.add_argument('--amp', action='store_true', help='run with automatic mixed precision')
    return parser.parse_args()


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
    runner = build_runner(cfg)
    if fresh:
        model = runner.model.module if is_model_wrapper(runner.model) else runner.model
        model.init_weights()
    runner.test()


if __name__ == '__main__':
    run_cli(main)
