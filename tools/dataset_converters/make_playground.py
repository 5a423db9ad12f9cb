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

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mim_secrets.datasets.playground import PRESETS, MismatchError, Playground, write_imagenet

_SECONDS_BETWEEN_LINES = 10.0


class ProgressBar:
    """A bar that says how much is done and how long the rest will take."""

    def __init__(self, console: Console):
        columns = (
            TextColumn('rendering'),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn('ETA'),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=console, auto_refresh=False)
        self._task = self._progress.add_task('rendering')

    def __enter__(self) -> 'ProgressBar':
        self._progress.start()
        return self

    def __exit__(self, *failure) -> None:
        self._progress.stop()

    def __call__(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total, refresh=True)


class ProgressLines:
    """The same for a log file: a plain line every few seconds."""

    def __enter__(self) -> 'ProgressLines':
        self._start = self._last = time.monotonic()
        return self

    def __exit__(self, *failure) -> None:
        pass

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0 or (done < total and now - self._last < _SECONDS_BETWEEN_LINES):
            return
        self._last = now
        left = (now - self._start) / done * (total - done)
        print(f'rendering {done}/{total}, ETA {left:.0f} s', flush=True)


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
    console = Console()
    display = ProgressBar(console) if console.is_terminal else ProgressLines()
    start = time.monotonic()
    try:
        with display:
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
