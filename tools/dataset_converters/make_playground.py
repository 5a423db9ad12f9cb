"""Render the embedded world to disk in the layout of ImageNet.

    python tools/dataset_converters/make_playground.py data/playground --preset small

    preset   training   validation   image size
    tiny          500          200           32
    small       8,000        2,000           32
    medium     50,000        5,000           64

The same preset, size and seed give the same bytes on every machine, with any number
of workers. An interrupted run is finished by running the same command again; what is
there already is not written anew. At the end it prints how fast it was: images per
second, and images per second of processor time, which is what one core draws when
nothing else runs and the disk does not wait.
"""

import argparse
import os
import resource
import sys
import time

from mim_secrets.apis.progress import progress_display
from mim_secrets.datasets.playground import PRESETS, MismatchError, Playground, write_imagenet


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('root', help='folder to write, for example data/playground')
    parser.add_argument('--preset', choices=PRESETS, default='small')
    parser.add_argument('--image-size', type=int, help='edge in pixels, instead of the preset')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--workers', type=int, help='processes; default: one for each core')
    args = parser.parse_args()
    if args.image_size is not None and args.image_size < 8:
        parser.error(f'--image-size {args.image_size} is too small; use at least 8')
    if args.seed < 0:
        parser.error(f'--seed {args.seed} is negative; use 0 or more')
    if args.workers is not None and args.workers < 1:
        parser.error(f'--workers {args.workers} does no work; use at least 1')
    return args


def report_speed(images: int, image_size: int, workers: int, seconds: float) -> None:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    per_core = images / (usage.ru_utime + usage.ru_stime)
    print(
        f'{images} images of {image_size}x{image_size}: {images / seconds:.0f} images/s with '
        f'{workers} worker{"s"[: workers > 1]}, {per_core:.0f} images/s/core of processor time'
    )


def main() -> None:
    args = parse_args()
    workers = args.workers or len(os.sched_getaffinity(0))
    world = Playground.of(args.preset, args.image_size, args.seed)
    start = time.monotonic()
    try:
        with progress_display('rendering') as display:
            written = write_imagenet(args.root, world, workers, display)
    except (MismatchError, RuntimeError) as error:
        sys.exit(f'error: {error}')
    except KeyboardInterrupt:
        sys.exit('interrupted; run the same command again to go on')
    if written:
        report_speed(written, world.image_size, workers, time.monotonic() - start)
    else:
        print(f'{args.root} is complete already')


if __name__ == '__main__':
    main()
