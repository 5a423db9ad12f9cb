"""Put KITTI's depth data where `mim_secrets.KITTIDepth` reads it.

    python tools/dataset_converters/kitti_depth.py data/kitti \\
        --raw downloads/raw --annotated downloads/data_depth_annotated.zip \\
        --train-list kitti_eigen_train_files_with_gt.txt \\
        --test-list kitti_eigen_test_files_with_gt.txt

`--raw` takes the archives DRIVE.zip of the raw data, a folder of them, or a folder into which
they were unpacked; `--annotated` takes data_depth_annotated.zip, or its folder. Both can be
given several times. docs/en/depth_data.md says where archives and lists come from. Only the
frames that the lists name are taken: unpacked from archives, linked from folders (copied where
links cannot reach). Nothing is written before all of them were found, each file appears whole,
and a run that was stopped is finished by the same command.
"""

import argparse
import sys
from pathlib import Path

from mim_secrets.apis.cli import run_cli
from mim_secrets.datasets.depth.frames import Frames, find_all, read_counted, write_list
from mim_secrets.datasets.depth.kitti import PARTS
from mim_secrets.progress import progress_display

COUNTS = {'train': 23_158, 'test': 652}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('out', type=Path, help='folder to write, for example data/kitti')
    parser.add_argument('--raw', type=Path, action='append', required=True, metavar='PLACE')
    parser.add_argument('--annotated', type=Path, action='append', required=True, metavar='PLACE')
    parser.add_argument('--train-list', type=Path, required=True, metavar='FILE')
    parser.add_argument('--test-list', type=Path, required=True, metavar='FILE')
    parser.add_argument('--any-count', action='store_true', help="lists other than Eigen's")
    return parser.parse_args()


def drive(name: str) -> str:
    return next((part for part in name.split('/') if part.endswith('_sync')), name)


def convert(args: argparse.Namespace) -> None:
    files = dict(train=args.train_list, test=args.test_list)
    lists = {
        split: read_counted(path, None if args.any_count else COUNTS[split])
        for split, path in files.items()
    }
    pairs = [pair for listed in lists.values() for pair in listed]
    raw = Frames(args.raw)
    annotated = Frames(args.annotated, [f'{part}/' for part in PARTS])
    images = find_all(raw, {pair.image: pair for pair in pairs}, drive)
    depths = find_all(annotated, {pair.depth: pair for pair in pairs}, drive)
    for what, source, found, folder in (
        ('images', raw, images, 'raw'),
        ('depth maps', annotated, depths, 'data_depth_annotated'),
    ):
        with progress_display(what) as display:
            source.bring(dict(found.values()), args.out / folder, display)
    for split, listed in lists.items():
        target = args.out / f'kitti_eigen_{split}_files_with_gt.txt'
        write_list(target, [pair.as_line() for pair in listed])
        print(f'{target}: {len(listed):,} pairs')


def main() -> None:
    try:
        convert(parse_args())
    except KeyboardInterrupt:
        sys.exit('interrupted; run the same command again to go on')


if __name__ == '__main__':
    run_cli(main)
