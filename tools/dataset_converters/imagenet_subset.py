"""Turn a list of a part of ImageNet into one that configs for few labels read.

    python tools/dataset_converters/imagenet_subset.py 1percent.txt \\
        data/imagenet/meta/train_1percent.txt
    python tools/dataset_converters/imagenet_subset.py 10percent.txt \\
        data/imagenet/meta/train_10percent.txt --images data/imagenet/train

The parts that results are reported on are those of SimCLR, in imagenet_subsets/ of
github.com/google-research/simclr: a name such as n01440764_10026.JPEG on each line. What
is written is n01440764/n01440764_10026.JPEG and the number of the class, as in the other
lists of mmpretrain. Other lists of this kind, such as those of MSN with 1, 2 or 5 images
of a class, are taken with --count.
"""

import argparse
import os
import re
from pathlib import Path

from mim_secrets.apis.cli import run_cli
from mim_secrets.datasets.robustness import WNIDS

COUNTS = {12811: '1 %', 128116: '10 %'}
NAME = re.compile(r'(n\d{8})_\d+\.JPEG')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', help='a list with the name of an image on each line')
    parser.add_argument('out', help='the list to write')
    parser.add_argument('--count', type=int, help='how many names another list must have')
    parser.add_argument('--images', help='the training images, to see that all are there')
    return parser.parse_args()


def convert(lines: list[str], source: str) -> list[str]:
    """Names of images as relative paths with classes, in the order of the list."""
    numbers = {wnid: number for number, wnid in enumerate(WNIDS)}
    converted = []
    for position, line in enumerate(lines, start=1):
        match = NAME.fullmatch(line)
        if not match or match[1] not in numbers:
            raise ValueError(
                f'{source}: line {position} is {line!r}, which names no training image of '
                "ImageNet's 1,000 classes; a name looks like n01440764_10026.JPEG."
            )
        converted.append(f'{match[1]}/{line} {numbers[match[1]]}')
    return converted


def check_count(lines: list[str], count: int | None, source: str) -> None:
    """A part of another size gives figures that compare with nobody's."""
    allowed = COUNTS if count is None else {count: 'this list'}
    if len(set(lines)) != len(lines):
        raise ValueError(
            f'{source}: {len(lines) - len(set(lines)):,} of {len(lines):,} names stand there '
            'twice; download the list again.'
        )
    if len(lines) not in allowed:
        sizes = ' or '.join(f'{size:,} ({name})' for size, name in allowed.items())
        raise ValueError(
            f'{source}: {len(lines):,} names, but there should be {sizes}; download it '
            'again, or give --count for a list of another size.'
        )


def check_images(converted: list[str], images: str) -> None:
    paths = [line.rsplit(' ', 1)[0] for line in converted]
    missing = [path for path in paths if not Path(images, path).is_file()]
    if missing:
        raise FileNotFoundError(
            f'{images} lacks {len(missing):,} of {len(paths):,} images, the first of them '
            f'{missing[0]}; unpack the training images again.'
        )


def main() -> None:
    args = parse_args()
    if not Path(args.source).is_file():
        raise FileNotFoundError(f'There is no list at {args.source}.')
    text = Path(args.source).read_text()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    converted = convert(lines, args.source)
    check_count(lines, args.count, args.source)
    if args.images:
        check_images(converted, args.images)
    out = Path(args.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    unfinished = out.with_name(f'{out.name}.part')
    unfinished.write_text(''.join(f'{line}\n' for line in converted))
    os.replace(unfinished, out)
    classes = len({line.rsplit(' ', 1)[1] for line in converted})
    print(f'{out}: {len(converted):,} images of {classes:,} classes')


if __name__ == '__main__':
    run_cli(main)
