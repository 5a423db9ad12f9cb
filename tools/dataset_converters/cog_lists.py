"""Write ImageNet-CoG's lists of images, which its authors publish as two pickles.

    python tools/dataset_converters/cog_lists.py cog_levels_mapping_file.pkl \\
        cog_concepts_split_file.pkl data/imagenet21k/cog

Both files are linked from github.com/naver/cog. For each of the levels L1 to L5 this
writes l1_train.txt, l1_test.txt and so on, with a path and a class on each line, paths
relative to the folder that holds ImageNet-21k's folders. Pickles can carry code: of
these, nothing but lists, dicts, strings and NumPy arrays is read.
"""

import argparse
import io
import pickle
from collections.abc import Iterable
from pathlib import Path

from mim_secrets.apis.cli import run_cli

LEVELS, CLASSES = 5, 1000
TRAIN, TEST = range(732, 1301), range(50, 51)  # images of a class
# What a pickled array of strings or of objects asks for, written by any NumPy.
ALLOWED = {
    ('numpy', 'ndarray'),
    ('numpy', 'dtype'),
    ('numpy.core.multiarray', '_reconstruct'),
    ('numpy._core.multiarray', '_reconstruct'),
    ('_codecs', 'encode'),
}


class PlainContent(pickle.Unpickler):
    """Reads containers, strings and arrays, and refuses everything else."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in ALLOWED:
            raise ValueError(
                f'the pickle asks for {module}.{name}, and lists of images need no code; '
                'download it again from its authors.'
            )
        return super().find_class(module, name)


def read_plain(path: Path) -> object:
    try:
        return PlainContent(io.BytesIO(path.read_bytes())).load()
    except (ValueError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f'{path}: {error}') from error


def level_lines(
    concepts: Iterable[str], splits: dict, split: str, sizes: range, classes: int
) -> list[str]:
    """``PATH CLASS`` for each image of a level; classes are numbered by their names."""
    concepts = sorted(concepts)
    if len(concepts) != classes:
        raise ValueError(f'a level has {len(concepts)} classes where {classes} are expected.')
    lines = []
    for label, concept in enumerate(concepts):
        if concept not in splits:
            raise ValueError(f'{concept} belongs to a level, and there is no split for it.')
        names = sorted(str(name).lstrip('/') for name in splits[concept][split])
        if len(names) not in sizes:
            raise ValueError(
                f'{concept} has {len(names)} images to {split}, where '
                f'{sizes[0]} to {sizes[-1]} are expected.'
            )
        lines += [f'{name} {label}\n' for name in names]
    return lines


def write_lists(levels_file: Path, splits_file: Path, out: Path) -> None:
    levels, splits = read_plain(levels_file), read_plain(splits_file)
    if len(levels) != LEVELS:
        raise ValueError(
            f'{levels_file}: {len(levels)} levels where {LEVELS} are expected; give the file '
            'of the levels first and that of the splits second.'
        )
    lists = {}
    for number, concepts in enumerate(levels, start=1):
        for split, sizes in (('train', TRAIN), ('test', TEST)):
            try:
                lines = level_lines(concepts, splits, split, sizes, CLASSES)
            except ValueError as error:
                raise ValueError(f'Level {number} of {splits_file}: {error}') from error
            lists[f'l{number}_{split}.txt'] = lines
    # nothing is written before everything is known to be right
    out.mkdir(parents=True, exist_ok=True)
    for name, lines in lists.items():
        (out / name).write_text(''.join(lines))
        print(f'{out / name}: {len(lines):,} images')


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('levels', type=Path, help='cog_levels_mapping_file.pkl')
    parser.add_argument('splits', type=Path, help='cog_concepts_split_file.pkl')
    parser.add_argument('out', type=Path, help='the folder for the ten lists')
    args = parser.parse_args()
    write_lists(args.levels, args.splits, args.out)


if __name__ == '__main__':
    run_cli(main)
