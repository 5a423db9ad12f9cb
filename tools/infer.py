"""Predict what is in images, and draw it: classes, things, regions, poses or depth.

    python tools/infer.py CONFIG WEIGHTS photo.jpg --out-dir out
    python tools/infer.py WORK_DIR WORK_DIR FOLDER --batch-size 16
    python tools/infer.py WORK_DIR WORK_DIR video.mp4 --box X Y WIDTH HEIGHT

The config says which task it is. WEIGHTS is a checkpoint or a work directory, which
stands for its newest one; a work directory as CONFIG stands for the config in it.
Pictures are written to vis and predictions to preds, both in the out-dir. A tracker
follows what is in the box of the first frame of a video, a folder of frames or, where a
number is given, what a camera sees; Ctrl-C ends that, and keeps the frames that are done.
"""

import argparse
import sys

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from mmengine.config import DictAction

from mim_secrets.apis import TrackingInferencer, load_inferencer
from mim_secrets.apis.cli import run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Predict and draw')
    parser.add_argument('config', help='config file, or the work directory of a run')
    parser.add_argument('weights', help='checkpoint file, or a work directory')
    parser.add_argument(
        'inputs',
        nargs='+',
        help='image files, or folders of them; for a tracker one video file, folder of frames '
        'or number of a camera',
    )
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
        '--box',
        nargs=4,
        type=float,
        metavar=('X', 'Y', 'WIDTH', 'HEIGHT'),
        help='what a tracker follows, in pixels of the first frame',
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
    if isinstance(inferencer, TrackingInferencer):
        follow(inferencer, args)
        return
    if args.box:
        raise ValueError('--box is for trackers, and this config is of another task.')
    results = inferencer(
        args.inputs, batch_size=args.batch_size, out_dir=args.out_dir, **args.options
    )
    count = len(results['predictions'])
    print(f'{count} predictions are in {args.out_dir}/preds, pictures in {args.out_dir}/vis.')


def follow(tracker: TrackingInferencer, args: argparse.Namespace) -> None:
    """Track, and say how far it came and how fast it was."""
    if len(args.inputs) > 1:
        raise ValueError(
            f'A tracker follows one thing in one video, and there are {len(args.inputs)} inputs; '
            'start it once for each.'
        )
    (footage,) = args.inputs
    results = tracker(footage, args.box, out_dir=args.out_dir, **args.options)
    files = ' and '.join(map(str, results['files']))
    print(f'{len(results["boxes"])} frames are done: {files}')
    if results['tracker_fps']:
        print(
            f'{results["tracker_fps"]:.1f} frames per second of the tracker alone, '
            f'{results["fps"]:.1f} with reading, drawing and writing.'
        )
    if results['stopped']:
        sys.exit(f'Not all frames are done: {results["stopped"]}')


if __name__ == '__main__':
    run_cli(main)
