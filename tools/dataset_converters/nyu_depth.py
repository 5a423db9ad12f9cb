"""Put NYUv2's depth data where `mim_secrets.NYUDepth` reads it.

    python tools/dataset_converters/nyu_depth.py data/nyu \\
        --sync downloads/sync.zip --train-list nyudepthv2_train_files_with_gt.txt \\
        --labelled nyu_depth_v2_labeled.mat --splits splits.mat

The first line of options makes the training part, the second one the test part, and either can
be left out. `--sync` takes the frames of the raw videos that were synchronised and projected, as
an archive or a folder: linked from a folder (copied where links cannot reach), unpacked from an
archive. The test frames are those of the labelled part, named as in the published list: depth as
measured, not filled in, in millimetres; the margin of the pictures, which the projection left
white, is black. Reading NYU's own file needs h5py. Nothing is written before all training frames
were found, each file appears whole, and a run that was stopped is finished by the same command.
"""

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np

from mim_secrets.apis.cli import run_cli
from mim_secrets.datasets.depth.frames import Frames, find_all, read_counted, write_list
from mim_secrets.datasets.depth.labelled import Labelled, frames_to_test, open_labelled
from mim_secrets.datasets.playground.filling import write_atomic
from mim_secrets.progress import progress_display

COUNTS = {'train': 24_231, 'test': 654}
FOCAL = 518.8579  # pixels
INSIDE = (slice(7, 474), slice(7, 632))  # rows and columns of a picture without its margin


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('out', type=Path, help='folder to write, for example data/nyu')
    parser.add_argument('--sync', type=Path, action='append', metavar='PLACE')
    parser.add_argument('--train-list', type=Path, metavar='FILE')
    parser.add_argument('--labelled', type=Path, metavar='FILE')
    parser.add_argument('--splits', type=Path, metavar='FILE')
    parser.add_argument('--any-count', action='store_true', help='other splits than the usual ones')
    args = parser.parse_args()
    for first, second in (('sync', 'train_list'), ('labelled', 'splits')):
        if (getattr(args, first) is None) != (getattr(args, second) is None):
            parser.error(f'--{first} and --{second.replace("_", "-")} go together; give both')
    if args.sync is None and args.labelled is None:
        parser.error('nothing to do; give --sync and --train-list, or --labelled and --splits')
    return args


def convert_sync(args: argparse.Namespace) -> None:
    pairs = read_counted(args.train_list, None if args.any_count else COUNTS['train'])
    frames = Frames(args.sync, ['sync/'])
    wanted = {name: pair for pair in pairs for name in (pair.image, pair.depth)}
    found = find_all(frames, wanted, lambda name: name.split('/')[0])
    by_name = {name: frame for name, (_, frame) in found.items()}
    with progress_display('training frames') as display:
        frames.bring(by_name, args.out / 'sync', display)
    report(args.out / 'nyudepthv2_train_files_with_gt.txt', [pair.as_line() for pair in pairs])


def convert_labelled(args: argparse.Namespace) -> None:
    numbers = frames_to_test(args.splits)
    if not args.any_count and len(numbers) != COUNTS['test']:
        raise ValueError(
            f'{args.splits} has {len(numbers):,} test frames where {COUNTS["test"]:,} are '
            'expected; download it again, or say --any-count.'
        )
    labelled, root, lines = open_labelled(args.labelled), args.out / 'official_splits/test', []
    with progress_display('test frames') as display:
        for done, number in enumerate(numbers):
            display(done, len(numbers))
            room = labelled.room(number)
            image, depth = f'{room}/rgb_{number:05d}.jpg', f'{room}/sync_depth_{number:05d}.png'
            write_frame(labelled, number, root / image, root / depth)
            lines.append(f'{image} {depth} {FOCAL}')
        display(len(numbers), len(numbers))
    report(args.out / 'nyudepthv2_test_files_with_gt.txt', lines)


def write_frame(labelled: Labelled, number: int, image: Path, depth: Path) -> None:
    if image.is_file() and depth.is_file():
        return
    image.parent.mkdir(parents=True, exist_ok=True)
    picture = labelled.image(number)
    framed = np.zeros_like(picture)
    framed[INSIDE] = picture[INSIDE]
    millimetres = np.rint(labelled.depth(number) * 1000).astype(np.uint16)
    write_atomic(depth, cv2.imencode('.png', millimetres)[1].tobytes())
    write_atomic(image, cv2.imencode('.jpg', framed[..., ::-1])[1].tobytes())


def report(path: Path, lines: list[str]) -> None:
    write_list(path, lines)
    print(f'{path}: {len(lines):,} pairs')


def main() -> None:
    args = parse_args()
    try:
        if args.sync:
            convert_sync(args)
        if args.labelled:
            convert_labelled(args)
    except KeyboardInterrupt:
        sys.exit('interrupted; run the same command again to go on')


if __name__ == '__main__':
    run_cli(main)
