"""Show how many parameters and multiply-adds the model of a config has, part by part.

    python tools/analysis_tools/get_flops.py CONFIG
    python tools/analysis_tools/get_flops.py CONFIG --shape 512 512

For any config here: pre-training, classification, detection, segmentation, pose. Nothing
is computed, so that no data, checkpoint or GPU is needed. --shape is that of one image,
height and width, or one number for both; otherwise what the encoder was made for. As
elsewhere in OpenMMLab, a multiply-add counts once.

A masked model is counted as it trains: encoder, decoder and loss for the patches that
each of them sees. A detector in two stages is counted with the most regions that its
test settings allow. Heads that only training uses cost nothing here.
"""

import argparse

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from mmengine.config import DictAction
from rich import box
from rich.console import Console
from rich.table import Table

from mim_secrets.apis.cli import run_cli
from mim_secrets.apis.cost import Part, build_on_meta, cost_of, image_size
from mim_secrets.apis.launch import read_config


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Count parameters and multiply-adds')
    parser.add_argument('config', help='config file')
    parser.add_argument(
        '--shape', type=int, nargs='+', help='height and width of an image, or one for both'
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        help='change keys of the config, as in model.backbone.arch=large',
    )
    parser.add_argument('--debug', action='store_true', help='show the stack of frames of an error')
    # what read_config looks for, and what has no meaning without a run
    parser.set_defaults(work_dir=None, launcher='none', local_rank=0)
    args = parser.parse_args()
    if args.shape and len(args.shape) > 2:
        parser.error('--shape has a height and a width, or one number for both')
    return args


def main() -> None:
    args = parse_args()
    cfg = read_config(args)
    shape = tuple(args.shape * 2)[:2] if args.shape else image_size(cfg)
    model = build_on_meta(cfg)
    try:
        parts = cost_of(model, shape)
    except RuntimeError as error:
        raise ValueError(
            f'The model of {args.config} does not take images of {shape[0]} x {shape[1]} '
            f'({error}); choose another --shape.'
        ) from error
    title = f'{type(model).__name__}, an image of {shape[0]} x {shape[1]}'
    Console(width=100).print(table(parts, title))


def table(parts: list[Part], title: str) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify='left')
    for column in ('part', 'parameters', 'trained', 'multiply-adds'):
        table.add_column(column, justify='left' if column == 'part' else 'right')
    for part in parts:
        if part.name == 'all':
            table.add_section()
        macs = f'{part.macs / 1e9:,.3f} G'
        table.add_row(part.name, f'{part.parameters:,}', f'{part.trained:,}', macs)
    return table


if __name__ == '__main__':
    run_cli(main)
