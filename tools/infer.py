"""Predict what is in images, and draw it: classes, things, regions, poses or depth.

    python tools/infer.py CONFIG WEIGHTS photo.jpg --out-dir out
    python tools/infer.py WORK_DIR WORK_DIR FOLDER --batch-size 16

The config says which task it is. WEIGHTS is a checkpoint or a work directory, which
stands for its newest one; a work directory as CONFIG stands for the config in it.
Pictures are written to vis and predictions to preds, both in the out-dir.
"""

import argparse

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from mmengine.config import DictAction

from mim_secrets.apis import load_inferencer
from mim_secrets.apis.cli import run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Predict and draw')
    parser.add_argument('config', help='config file, or the work directory of a run')
    parser.add_argument('weights', help='checkpoint file, or a work directory')
    parser.add_argument('inputs', nargs='+', help='image files, or folders of them')
    parser.add_argument('--out-dir', default='outputs', help='folder for pictures and predictions')
    parser.add_argument('--batch-size', type=int, default=1)
    parser.add_argument('--device', help='such as cuda:0; the first accelerator unless named')
    parser.add_argument(
        '--detector',
        nargs=2,
        metavar=('CONFIG', 'WEIGHTS'),
        help='finds people for a model of poses, which else takes an image for one person',
    )
    parser.add_argument(
        '--options',
        nargs='+',
        action=DictAction,
        default={},
        help='of the task: top=5 (classes), pred_score_thr=0.3 (things), opacity=0.55 (regions), '
        'kpt_thr=0.3 (poses), depth_range=0,10 (metres)',
    )
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    options = dict(device=args.device)
    if args.detector:
        options['detector'] = load_inferencer(*args.detector, device=args.device)
    inferencer = load_inferencer(args.config, args.weights, **options)
    results = inferencer(
        args.inputs, batch_size=args.batch_size, out_dir=args.out_dir, **args.options
    )
    count = len(results['predictions'])
    print(f'{count} predictions are in {args.out_dir}/preds, pictures in {args.out_dir}/vis.')


if __name__ == '__main__':
    run_cli(main)
