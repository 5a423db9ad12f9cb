"""Decode and shrink images once, so that pre-training only crops them.

    python tools/dataset_converters/cache_images.py data/imagenet/train data/imagenet_256
    python tools/dataset_converters/cache_images.py list.txt data/mine_256 --root data/mine
    python tools/dataset_converters/cache_images.py --check data/imagenet_256

A source is a folder, searched however deep, or a text file with a path or an address
on each line. An image takes 3 bytes a pixel: 256 x 341 of them 0.26 MB, ImageNet-1k
335 GB. An interrupted run is finished by running the same command again. What is no
image is left out and named.
"""

import argparse
import os
import sys
from pathlib import Path

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mim_secrets.apis.cli import run_cli
from mim_secrets.datasets.cache import ImageCache
from mim_secrets.datasets.cache_writing import Plan, write_cache

_NAMED = 20


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', nargs='?', help='a folder, or a list of images')
    parser.add_argument('out', help='the cache: a folder that does not exist yet')
    parser.add_argument('--short-side', type=int, default=256, help='in pixels')
    parser.add_argument('--root', default='', help='what the paths in a list are relative to')
    parser.add_argument('--workers', type=int, help='processes; default: one for each core')
    parser.add_argument(
        '--check', action='store_true', help='compare a cache with its checksums and its source'
    )
    args = parser.parse_args()
    if not args.check and args.source is None:
        parser.error('name a source and the cache to write, or --check and a cache')
    if args.short_side < 8:
        parser.error(f'--short-side {args.short_side} leaves nothing to see; use at least 8')
    if args.workers is not None and args.workers < 1:
        parser.error(f'--workers {args.workers} does no work; use at least 1')
    return args


def write(args: argparse.Namespace) -> None:
    workers = args.workers or len(os.sched_getaffinity(0))
    plan = Plan.of(args.source, args.short_side, args.root)
    with Progress(
        TextColumn('caching'),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn('ETA'),
        TimeRemainingColumn(),
        speed_estimate_period=300,
    ) as progress:
        task = progress.add_task('caching', total=len(plan.names))
        skipped = write_cache(
            args.out,
            plan,
            workers,
            lambda done, total: progress.update(task, completed=done),
        )
    for name, reason in list(skipped.items())[:_NAMED]:
        print(f'left out {name}: {reason}')
    more = len(skipped) - _NAMED
    if more > 0:
        print(f'and {more} more, all of them in {Path(args.out) / "cache.json"}')
    gigabytes = ImageCache(args.out).description['bytes'] / 1e9
    print(f'{args.out}: {len(plan.names) - len(skipped)} images, {gigabytes:.3g} GB')


def main() -> None:
    args = parse_args()
    if args.check:
        cache = ImageCache(args.out)
        cache.check(thorough=True)
        print(f'{args.out}: {len(cache)} images, all as they were written')
        return
    try:
        write(args)
    except KeyboardInterrupt:
        sys.exit('Interrupted; run the same command again to go on.')


if __name__ == '__main__':
    run_cli(main)
