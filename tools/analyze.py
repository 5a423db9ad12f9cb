"""Show how models attend, layer by layer, side by side: tables, figures, one page.

    python tools/analyze.py --data FOLDER --out DIR \\
        --model mim=CONFIG:CHECKPOINT --model sup=CONFIG:CHECKPOINT

A model is CONFIG:CHECKPOINT with a config of ours or of mmpretrain and a file or a work
directory, timm:NAME[:FILE], or hf:PATH; `:random` in the place of a file stands for
untrained weights. DIR gets report.html, figures/ (PNG, SVG) and tables/ (CSV, JSON).

A run that was stopped goes on with the same command, also on another number of
processes (torchrun --nproc_per_node N tools/analyze.py --launcher pytorch ...).
"""

import argparse
import os
import sys
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import torch
import torch.distributed as dist
from mmengine.dist import is_main_process

from mim_secrets.analysis.report import write_report
from mim_secrets.apis.analyze import CHOICES, DEFAULT, analyze
from mim_secrets.apis.cli import run_cli
from mim_secrets.progress import no_display, progress_display


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--model', action='append', required=True, metavar='NAME=SOURCE')
    parser.add_argument('--data', required=True, help='folder of images, or a .txt list of them')
    parser.add_argument('--out', required=True, type=Path, help='folder to write')
    parser.add_argument('--num-images', type=int, default=1000)
    parser.add_argument('--measures', nargs='+', choices=CHOICES, default=DEFAULT)
    parser.add_argument(
        '--until-ci',
        type=float,
        metavar='X',
        help='stop when intervals are within this share of the means of layers, as in 0.02',
    )
    parser.add_argument('--image-size', type=int, help="instead of the models' own")
    parser.add_argument('--batch-size', type=int, default=32)
    parser.add_argument('--workers', type=int, default=2, help='processes that read images')
    parser.add_argument('--seed', type=int, default=0, help='of the choice of images')
    parser.add_argument('--cka-part', choices=('block', 'attention', 'mlp'), default='block')
    parser.add_argument(
        '--cka-tokens', choices=('flattened', 'pooled', 'class'), default='flattened'
    )
    parser.add_argument('--cka-estimator', choices=('minibatch', 'full'), default='minibatch')
    parser.add_argument(
        '--overlay-queries',
        nargs='+',
        type=spot,
        metavar='ROW,COLUMN',
        help='patches that ask in overlays, as shares of the picture, such as 0.3,0.5',
    )
    parser.add_argument('--overlay-layers', nargs='+', type=int, help='by default three of them')
    parser.add_argument('--overlay-heads', nargs='+', type=int, help='by default the first twelve')
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--launcher', choices=('none', 'pytorch'), default='none')
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    args = parser.parse_args()
    for name in ('num_images', 'batch_size'):
        if getattr(args, name) < 1:
            parser.error(f'--{name.replace("_", "-")} {getattr(args, name)}: use at least 1')
    return args


def spot(text: str) -> tuple[float, float]:
    """Row and column of a patch that asks."""
    row, column = (float(part) for part in text.split(','))
    if not (0 <= row <= 1 and 0 <= column <= 1):
        raise ValueError(text)
    return row, column


def overlays(args: argparse.Namespace) -> dict:
    """What was said of overlays."""
    chosen = dict(
        queries=args.overlay_queries, layers=args.overlay_layers, heads=args.overlay_heads
    )
    return {name: value for name, value in chosen.items() if value is not None}


def main() -> None:
    args = parse_args()
    device = args.device
    if args.launcher == 'pytorch':
        # sums are exchanged as objects, which the CPU does for GPUs as well
        dist.init_process_group('gloo')
        if device == 'cuda':
            device = f'cuda:{os.environ["LOCAL_RANK"]}'
    results = analyze(
        args.model,
        args.data,
        args.num_images,
        args.measures,
        state=args.out / 'state',
        until_ci=args.until_ci,
        image_size=args.image_size,
        batch_size=args.batch_size,
        workers=args.workers,
        seed=args.seed,
        cka=dict(part=args.cka_part, tokens=args.cka_tokens, estimator=args.cka_estimator),
        overlays=overlays(args),
        device=device,
        display=progress_display if is_main_process() else no_display,
    )
    if is_main_process():
        results.write(args.out / 'tables')
        print(write_report(results, args.out))


def run() -> None:
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('Interrupted; the same command goes on from here.')


if __name__ == '__main__':
    run_cli(run)
