"""What it costs to look into a model while images pass it.

    python tools/benchmarks/analysis_speed.py
    python tools/benchmarks/analysis_speed.py --device cuda --batch-size 32
    python tools/benchmarks/analysis_speed.py --quick    # a toy: does it run?

Two parts, with random weights and images:

- ``attention``: a ViT-B/16 at 224 px. ``forwards`` is plain inference; ``distance,
  entropy, divergence`` is the same with the three measures of heads. The goal is 80 %
  of the plain speed or more.
- ``cka``: two ViT-Ti/16 at 224 px on 128 images in groups of 32. ``forwards`` takes
  the images through both; ``CKA`` gives tables, with intervals, of the 12 x 12 layers
  of both and of each by itself. The goal is 1.15 times the forwards or less.
  ``torch-cka`` and ``pytorch-cka`` do the same without intervals and for the pair
  alone, if they are installed; ``difference`` is the largest to our values.

Variants take turns, round by round in a new order, in one process. ``forwards again``
is the same code as ``forwards``: its ratio is noise. Ratios are medians of per-round
ratios, with their quartiles: of the time by the clock and, on a CPU, of this process's
processor time, which other programs on the machine change less.
"""

import argparse
import os
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# Before torch starts its threads, which otherwise spin while they wait; and before
# tqdm is imported, whose bars would stand in the middle of ours.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')
os.environ.setdefault('TQDM_DISABLE', '1')

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import cka_packages
import numpy as np
import torch
from analysis_lanes import HEADS, OURS, PLAIN, QUICK, Lane, Size, attention_lanes, cka_lanes
from rich import box
from rich.console import Console
from rich.table import Table
from step_measures import device_name, quartiles_of_ratios
from turns import turns, write_csv

ATTENTION, SIMILARITY = 'attention', 'cka'
GOALS = {HEADS: 'speed >= 0.80', OURS: 'time <= 1.15'}


@dataclass
class Row:
    """One variant: a line of the CSV; numbers of what is not installed are empty."""

    part: str
    variant: str
    images_per_second: float | None = None
    speed: float | None = None
    speed_q1: float | None = None
    speed_q3: float | None = None
    times_forwards: float | None = None
    times_forwards_q1: float | None = None
    times_forwards_q3: float | None = None
    times_forwards_by_processor: float | None = None
    goal: str = ''
    largest_difference_to_ours: float | None = None
    version: str = ''
    images: int = 0
    batch: int = 0
    rounds: int = 0
    device: str = ''
    cores: int = 0
    threads: int = 0
    omp_wait_policy: str = ''
    torch: str = ''


def measure(
    lanes: dict[str, Lane], rounds: int, device: torch.device, tick: Callable[[str], None]
) -> None:
    """Run all lanes in turns; the first round warms up and does not count."""
    names = list(lanes)
    order = random.Random(0)
    for _ in range(1 + rounds):
        order.shuffle(names)  # nobody always runs after the same other one
        for name in names:
            tick(name)
            lanes[name].round(device)
    for lane in lanes.values():
        del lane.seconds[0], lane.processor[0]


def summarise(
    part: str, lanes: dict[str, Lane], images: int, batch: int, device: torch.device
) -> list[Row]:
    setting = dict(
        images=images,
        batch=batch,
        rounds=len(lanes[PLAIN].seconds),
        device=device_name(device),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        omp_wait_policy=os.environ['OMP_WAIT_POLICY'],
        torch=torch.__version__,
    )
    plain = lanes[PLAIN]
    rows = []
    for name, lane in lanes.items():
        row = Row(part, name, goal=GOALS.get(name, ''), **setting)
        row.images_per_second = round(images / statistics.median(lane.seconds), 3)
        row.speed_q1, row.speed, row.speed_q3 = quartiles_of_ratios(plain.seconds, lane.seconds)
        times = quartiles_of_ratios(lane.seconds, plain.seconds)
        row.times_forwards_q1, row.times_forwards, row.times_forwards_q3 = times
        if device.type == 'cpu':
            processor = quartiles_of_ratios(lane.processor, plain.processor)
            row.times_forwards_by_processor = processor[1]
        if name in cka_packages.PACKAGES:
            row.version = cka_packages.version_of(name)
            ours = lanes[OURS].result
            if name == 'pytorch-cka':
                ours = ours.clip(min=0)  # as it does
            difference = np.abs(lane.result - ours).max()
            row.largest_difference_to_ours = float(f'{difference:.1e}')
        rows.append(row)
    if part == SIMILARITY:
        missing = [package for package in cka_packages.PACKAGES if package not in lanes]
        told = 'not installed (pip install --no-deps {})'
        rows += [Row(part, name, version=told.format(name), **setting) for name in missing]
    return rows


def show(rows: list[Row]) -> None:
    first = rows[0]
    table = Table(
        title=f'Looking into models, {first.device}, {first.threads} threads, '
        f'torch {first.torch}, median of {first.rounds} rounds',
        caption='speed: of plain forwards; time: forwards are 1 (quartiles; then by processor '
        'time); difference: largest, of CKA values to ours',
        box=box.SIMPLE_HEAD,
    )
    table.add_column('variant', no_wrap=True)
    for column in ('images/s', 'speed', 'time', 'difference'):
        table.add_column(column, justify='right', no_wrap=True)
    table.add_column('goal, version')
    for row, after in zip(rows, [*rows[1:], rows[0]]):
        cells = ['', '', '', '']
        if row.speed is not None:
            by_processor = row.times_forwards_by_processor
            difference = row.largest_difference_to_ours
            cells = [
                f'{row.images_per_second:.2f}',
                f'{row.speed:.2f} ({row.speed_q1:.2f}-{row.speed_q3:.2f})',
                f'{row.times_forwards:.2f} '
                f'({row.times_forwards_q1:.2f}-{row.times_forwards_q3:.2f})'
                + (f' {by_processor:.2f}' if by_processor else ''),
                '' if difference is None else f'{difference:.0e}',
            ]
        end = row.part != after.part
        table.add_row(row.variant, *cells, row.goal or row.version, end_section=end)
    Console(width=120).print(table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time measures beside plain forward passes')
    parser.add_argument('--batch-size', type=int, default=16, help='of the attention part')
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--quick', action='store_true', help='toy models')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/benchmarks/analysis_speed.csv'))
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.manual_seed(0)
    size, device = QUICK if args.quick else Size(), torch.device(args.device)
    heads, layers = attention_lanes(size, args.batch_size, device), cka_lanes(size, device)
    with turns((len(heads) + len(layers)) * (1 + args.rounds)) as begin:
        measure(heads, args.rounds, device, begin)
        rows = summarise(ATTENTION, heads, args.batch_size, args.batch_size, device)
        measure(layers, args.rounds, device, begin)
        rows += summarise(SIMILARITY, layers, size.images, size.group, device)
    write_csv(rows, args.out)
    show(rows)
    print(f'Written to {args.out}')


if __name__ == '__main__':
    main()
