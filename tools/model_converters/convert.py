"""Convert a checkpoint between the layouts of different libraries.

    python tools/model_converters/convert.py IN OUT --to timm
    python tools/model_converters/convert.py IN OUT --to mim_secrets --encoder-only
    python tools/model_converters/convert.py IN --list
    python tools/model_converters/convert.py --table

IN is a file or the work directory of a run. OUT ends in .pth or .safetensors; in a
.pth file the tensors stand where the house that it is for looks for them. --list
tells whose names IN has, how that was found out and what would be left behind.
--table lists the layouts.
"""

import argparse
import pickle
import re
from collections import Counter
from pathlib import Path

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import torch

from mim_secrets.apis.cli import run_cli
from mim_secrets.checkpoint.initializer import newest_checkpoint
from mim_secrets.checkpoint.layouts import (
    HERE,
    LAYOUTS,
    Converted,
    Layout,
    from_ours,
    layout_named,
    recognise,
    to_ours,
)
from mim_secrets.checkpoint.reading import StateDict, read_checkpoint, weights_of
from mim_secrets.checkpoint.writing import write_checkpoint

PARTS = {'neck': 'decoder', 'fusion': 'fusion', 'head': 'head'}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Convert a checkpoint to another layout')
    parser.add_argument('input', nargs='?', metavar='IN', help='checkpoint, or a work directory')
    parser.add_argument('output', nargs='?', metavar='OUT', help='.pth or .safetensors file')
    parser.add_argument('--to', metavar='NAME', help='layout of OUT, one of those in --table')
    parser.add_argument('--list', action='store_true', help='say what IN is; write nothing')
    parser.add_argument('--table', action='store_true', help='list the layouts, in Markdown')
    parser.add_argument(
        '--encoder-only',
        action='store_true',
        help='write the encoder alone, without the prefix under which a model keeps it',
    )
    parser.add_argument('--overwrite', action='store_true', help='replace OUT if it is there')
    parser.add_argument(
        '--trust',
        action='store_true',
        help='open IN even if that runs code in it; only for files whose author you trust',
    )
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    if args.table:
        print(table_of_layouts())
        return
    check(args)
    path = newest_checkpoint(args.input)
    tensors = read_trusted(Path(path)) if args.trust else read_checkpoint(path)
    found = recognise(tensors)
    ours = to_ours(tensors, found)
    print(f'{path}: {found.why}.')
    if args.list:
        print(listing(tensors, ours))
        return
    layout = layout_named(args.to, found.layout.family)
    theirs = from_ours(ours.tensors, layout, args.encoder_only)
    meta = dict(layout=layout.name, family=layout.family, converted_from=found.layout.name)
    write_checkpoint(args.output, theirs.tensors, meta, layout.file_key)
    print(f'{args.output}: {amount(theirs.tensors)}, {layout.name} names.')
    print(*dropped_lines({**ours.dropped, **theirs.dropped}), sep='\n')


def check(args: argparse.Namespace) -> None:
    """Say what is missing on the command line before a file is opened."""
    if not args.input:
        raise ValueError('No checkpoint is named; give IN, or --table for the layouts.')
    if args.list:
        return
    if not (args.output and args.to):
        raise ValueError('Give OUT and --to NAME to convert IN, or --list to look at it.')
    if args.to not in {layout.name for layout in LAYOUTS}:
        names = ', '.join(sorted({layout.name for layout in LAYOUTS}))
        raise ValueError(f'There is no layout {args.to!r}; there are {names}.')
    if Path(args.output).exists() and not args.overwrite:
        raise FileExistsError(f'{args.output} exists; name another file, or add --overwrite.')


def read_trusted(path: Path) -> StateDict:
    """Open a file that holds more than weights, which may run any code."""
    print(f'Warning: {path} is opened with --trust, which runs whatever code it contains.')
    try:
        if path.suffix == '.pkl':  # as detectron2 writes them, without torch
            content = pickle.loads(path.read_bytes())
        else:
            content = torch.load(path, map_location='cpu', weights_only=False)
    except (pickle.UnpicklingError, EOFError, RuntimeError) as error:
        raise ValueError(f'{path} is no whole checkpoint ({error}); copy it again.') from error
    return weights_of(content, path)[0]


def listing(tensors: StateDict, ours: Converted) -> str:
    """How much there is, which name becomes which, and what is left behind."""
    pairs = {}
    for name, names in ours.sources.items():
        pairs.setdefault(tuple(dict.fromkeys(map(pattern, names))), pattern(name))
    width = max(len(name) for names in pairs for name in names)
    lines = [f'{amount(tensors)} in the file; {amount(ours.tensors)} under our names:']
    for (*others, last), name in pairs.items():
        lines += [f'  {other:<{width}}  +' for other in others]
        lines += [f'  {last:<{width}}  ->  {name}']
    return '\n'.join([*lines, *dropped_lines(ours.dropped)])


def dropped_lines(dropped: dict[str, str]) -> list[str]:
    """One line for every kind of name that is left behind, with the reason."""
    counts = Counter((pattern(name), why) for name, why in dropped.items())
    lines = [f'  {name} ({count}): {why}' for (name, why), count in counts.items()]
    return ['left behind:', *lines] if lines else ['nothing is left behind']


def pattern(name: str) -> str:
    """The same for every block, and for weight and bias."""
    name = re.sub(r'\.(weight|bias)$', '.{weight,bias}', name)
    return re.sub(r'(?<!ffn\.)(\w*(?:blocks|layers?|stages|projections))\.\d+', r'\1.*', name)


def amount(tensors: StateDict) -> str:
    count = sum(tensor.numel() for tensor in tensors.values())
    return f'{len(tensors)} tensors with {count / 1e6:.2f} M parameters'


def table_of_layouts() -> str:
    """Layouts x directions, from the tables that do the work."""
    rows = [('layout', 'family', 'read', 'written', 'holds', 'whose files')]
    rows.append(tuple('-' * len(head) for head in rows[0]))
    order = list(dict.fromkeys(layout.family for layout in LAYOUTS))
    for layout in sorted(LAYOUTS, key=lambda x: (order.index(x.family), x.name != HERE, x.name)):
        read, written = readable(layout), 'yes' if layout.writes else 'no'
        name = f'`{layout.name}`'
        rows.append((name, layout.family, read, written, parts(layout), layout.about))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return '\n'.join(
        '| ' + ' | '.join(cell.ljust(width) for cell, width in zip(row, widths)) + ' |'
        for row in rows
    )


def readable(layout: Layout) -> str:
    """Files of two houses may look alike; then the first in the list is told."""
    signs = (layout.family, layout.encoder_at, layout.signs, layout.absent)
    twin = next(x for x in LAYOUTS if (x.family, x.encoder_at, x.signs, x.absent) == signs)
    return 'yes' if twin is layout else f'as {twin.name}'


def parts(layout: Layout) -> str:
    beside = {name.split('.')[0] for rule in layout.beside for name in rule.ours}
    return ', '.join(['encoder', *(PARTS[part] for part in PARTS if part in beside)])


if __name__ == '__main__':
    run_cli(main)
