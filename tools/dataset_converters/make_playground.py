"""Render the embedded world to disk in the layout of a known data set.

    python tools/dataset_converters/make_playground.py data/playground --preset small
    python tools/dataset_converters/make_playground.py data/playground_coco --layout coco

    layout      preset   training   validation   test   image size
    imagenet    tiny          500          200                  32
                small       8,000        2,000                  32
                medium     50,000        5,000                  64
    coco        tiny           40           20                  96
                small       2,000          400                 128
    crowdpose   tiny           24            8     32           96
                small       1,200          100    400          128
    ade20k      tiny           40           20                  96
                small       2,000          400                 128
    nyu         tiny           40           20                  96
                small       2,000          400                 128
    kitti       tiny           40           20                 108
                small       2,000          400                 216
    lasot       tiny           10                   5           96   in clips
                small         200                  40          160   of 12 frames
    got10k      tiny           10            5      5           96   (tiny) and
                small         200           20     40          160   32 (small)
    trackingnet tiny           10                   5           96
                small         200                  40          160

The images of ImageNet are square; elsewhere the size is the longer edge. The same preset,
size and seed give the same bytes on every machine, with any number of workers. An
interrupted run is finished by running the same command again; what is there already is
not written anew. At the end it prints how fast it was: images per second, and images per
second of processor time, which is what one core draws when nothing else runs and the
disk does not wait.
"""

import argparse
import os
import resource
import sys
import time

from mim_secrets.datasets.playground import LAYOUTS, MismatchError, fill
from mim_secrets.progress import progress_display


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', help='folder to write, for example data/playground')
    parser.add_argument('--layout', choices=LAYOUTS, default='imagenet')
    parser.add_argument('--preset', default='small', help='tiny, small or medium; see above')
    parser.add_argument('--image-size', type=int, help='edge in pixels, instead of the preset')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, help='processes; default: one for each core')
    args = parser.parse_args()
    presets = LAYOUTS[args.layout].presets
    if args.preset not in presets:
        parser.error(f'--preset {args.preset}: {args.layout} has {" and ".join(presets)} only')
    if args.image_size is not None and args.image_size < 8:
        parser.error(f'--image-size {args.image_size} is too small; use at least 8')
    if args.seed < 0:
        parser.error(f'--seed {args.seed} is negative; use 0 or more')
    if args.workers is not None and args.workers < 1:
        parser.error(f'--workers {args.workers} does no work; use at least 1')
    return args


def report_speed(images: int, size: str, workers: int, seconds: float) -> None:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    per_core = images / (usage.ru_utime + usage.ru_stime)
    print(
        f'{images} images of {size}: {images / seconds:.0f} images/s with '
        f'{workers} worker{"s"[: workers > 1]}, {per_core:.0f} images/s/core of processor time'
    )


def main() -> None:
    args = parse_args()
    workers = args.workers or len(os.sched_getaffinity(0))
    world = LAYOUTS[args.layout].of(args.preset, args.image_size, args.seed)
    start = time.monotonic()
    try:
        with progress_display('rendering') as display:
            written = fill(args.root, world, workers, display)
    except (MismatchError, RuntimeError) as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('interrupted; run the same command again to go on')
    if written:
        size = f'{world.image_size}x{world.image_size}'
        if args.layout != 'imagenet':
            size = f'up to {size}'
        images = written * getattr(world, 'frames', 1)
        report_speed(images, size, workers, time.monotonic() - start)
    else:
        print(f'{args.root} is complete already')


if __name__ == '__main__':
    main()
