"""One MFF pre-training step of ours beside mmpretrain's own.

    python tools/benchmarks/pretrain_step.py             # what `make bench` runs
    python tools/benchmarks/pretrain_step.py --archs small --no-compile
    python tools/benchmarks/pretrain_step.py --device cuda --batch-size 256

A step is what ``train_step`` does to a batch that is already preprocessed: draw the
mask, forward, backward, AdamW. Both models start from the same weights. Five
variants take turns, round by round in a new order, in one process:

- ``mmpretrain``: ``mmpretrain.models.selfsup.mff.MFF``;
- ``ours``;
- ``ours again``: the same object a second time, so its ratio to ``ours`` is noise;
- ``ours compiled``: the same weights, ``predict_masked`` under torch.compile, as
  ``compile=True`` in a config has it;
- ``ours compiled, fused``: the same with the fused AdamW of the pre-training configs.

What the columns mean:

- ratios are medians of per-round ratios, with their quartiles; above 1 is faster;
  own_gflop is the matrix arithmetic a variant does, mmpretrain_gflop mmpretrain's;
- memory is the most that one step allocates on top of weights and AdamW's state
  (gradients included), by the allocator's own account;
- a share of the matrix-product rate is the arithmetic of *mmpretrain's* step over
  the time, divided by the rate of a large product measured in the same rounds. The
  same arithmetic is counted for every variant, so whoever skips some of it gains.
"""

import argparse
import itertools
import os
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

# Before torch starts its threads. By default they spin while they wait, and where
# other programs want the same cores that makes a step up to ten times as long.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import torch
from mmengine.logging import MMLogger
from rich import box
from rich.console import Console
from rich.table import Table
from step_measures import (
    Step,
    count_flops,
    device_name,
    matmul_rate,
    peak_memory,
    quartiles_of_ratios,
)
from step_models import SIZES, Size, build_pair, compiled_twin
from turns import turns, write_csv

UNTIMED_ROUNDS = 2  # one to warm up, one to trace memory
THEIRS, OURS, AGAIN, COMPILED = 'mmpretrain', 'ours', 'ours again', 'ours compiled'
FUSED = f'{COMPILED}, fused'


@dataclass
class Row:
    """One variant in one setting: a line of the CSV."""

    arch: str
    precision: str
    batch: int
    variant: str
    images_per_second: float
    ratio_to_mmpretrain: float
    ratio_to_mmpretrain_q1: float
    ratio_to_mmpretrain_q3: float
    ratio_to_ours: float
    ratio_to_ours_q1: float
    ratio_to_ours_q3: float
    step_memory_mib: float
    memory_measured: str
    own_gflop: float
    mmpretrain_gflop: float
    matmul_gflops_per_second: float
    share_of_matmul_rate: float
    rounds: int
    device: str
    cores: int
    threads: int
    omp_wait_policy: str
    torch: str


def measure(
    size: Size,
    precision: str,
    device: torch.device,
    repeats: int,
    compiled: bool,
    tick: Callable[[str], None] = lambda doing: None,
) -> list[Row]:
    """All variants in one setting; ``tick`` is told of every step."""
    theirs, ours = (model.to(device).train() for model in build_pair(size))
    images = torch.randn(size.batch, 3, size.image, size.image, device=device)
    models = {THEIRS: theirs, OURS: ours, AGAIN: ours}
    if compiled:
        models[COMPILED] = models[FUSED] = compiled_twin(ours)
    own_flops = size.batch * count_flops(ours, images[:1])
    flops = dict.fromkeys(models, own_flops)
    flops[THEIRS] = size.batch * count_flops(theirs, images[:1])
    steps = {name: Step(model, images, precision, name == FUSED) for name, model in models.items()}
    for name, step in steps.items():
        tick(f'{size.name} {precision}: warm-up, {name}')
        step()
    for name, step in steps.items():
        tick(f'{size.name} {precision}: memory, {name}')
        step.memory = peak_memory(step, device)

    rates = []
    names = list(steps)
    order = random.Random(0)
    for _ in range(repeats):
        rates.append(matmul_rate(device, precision))
        order.shuffle(names)  # nobody always runs after the same other one
        for name in names:
            tick(f'{size.name} {precision}: {name}')
            steps[name].timed()
    return [
        summarise(size, precision, name, steps, flops, statistics.median(rates), device)
        for name in steps
    ]


def summarise(
    size: Size,
    precision: str,
    name: str,
    steps: dict[str, Step],
    flops: dict[str, int],
    rate: float,
    device: torch.device,
) -> Row:
    step = steps[name]
    seconds = statistics.median(step.seconds)
    to_theirs = quartiles_of_ratios(steps[THEIRS].seconds, step.seconds)
    to_ours = quartiles_of_ratios(steps[OURS].seconds, step.seconds)
    measured = 'CPU allocator, profiled' if device.type == 'cpu' else 'CUDA allocator'
    return Row(
        arch=size.name,
        precision=precision,
        batch=size.batch,
        variant=name,
        images_per_second=round(size.batch / seconds, 3),
        ratio_to_mmpretrain_q1=to_theirs[0],
        ratio_to_mmpretrain=to_theirs[1],
        ratio_to_mmpretrain_q3=to_theirs[2],
        ratio_to_ours_q1=to_ours[0],
        ratio_to_ours=to_ours[1],
        ratio_to_ours_q3=to_ours[2],
        step_memory_mib=round(step.memory / 2**20, 1),
        memory_measured=f'peak of one step beyond weights and AdamW state ({measured})',
        own_gflop=round(flops[name] / 1e9, 3),
        mmpretrain_gflop=round(flops[THEIRS] / 1e9, 3),
        matmul_gflops_per_second=round(rate / 1e9, 1),
        share_of_matmul_rate=round(flops[THEIRS] / seconds / rate, 3),
        rounds=len(step.seconds),
        device=device_name(device),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        omp_wait_policy=os.environ['OMP_WAIT_POLICY'],
        torch=torch.__version__,
    )


def show(rows: list[Row]) -> None:
    first = rows[0]
    table = Table(
        title=f'MFF pre-training step, {first.device}, {first.threads} threads, '
        f'torch {first.torch}, median of {first.rounds} rounds',
        caption='x: times faster, median of per-round ratios (quartiles); "ours again" '
        'x ours is the noise; MiB: peak of one step beyond weights and AdamW state; '
        "share: mmpretrain's arithmetic over the time, of a large product's rate",
        box=box.SIMPLE_HEAD,
    )
    table.add_column('setting', no_wrap=True)
    table.add_column('variant', no_wrap=True)
    for column in ('images/s', 'x mmpretrain', 'x ours', 'MiB', 'share'):
        table.add_column(column, justify='right', no_wrap=True)
    for row in rows:
        table.add_row(
            f'{row.arch} {row.precision} batch {row.batch}',
            row.variant,
            f'{row.images_per_second:.2f}',
            f'{row.ratio_to_mmpretrain:.2f} '
            f'({row.ratio_to_mmpretrain_q1:.2f}-{row.ratio_to_mmpretrain_q3:.2f})',
            f'{row.ratio_to_ours:.2f} ({row.ratio_to_ours_q1:.2f}-{row.ratio_to_ours_q3:.2f})',
            f'{row.step_memory_mib:.0f}',
            f'{row.share_of_matmul_rate:.0%}',
            end_section=row.variant == rows[-1].variant,
        )
    Console(width=110).print(table)


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time one MFF pre-training step')
    parser.add_argument('--archs', nargs='+', choices=SIZES, default=list(SIZES))
    parser.add_argument(
        '--precisions',
        nargs='+',
        choices=('float32', 'bfloat16'),
        default=['float32', 'bfloat16'],
    )
    parser.add_argument('--batch-size', type=int, help='default: 16 small, 8 base')
    parser.add_argument('--repeats', type=int, default=7, help='timed rounds')
    parser.add_argument('--compile', action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/benchmarks/pretrain_step.csv'))
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    MMLogger.get_instance('mim_secrets', log_level='ERROR')  # no line per parameter
    settings = list(itertools.product(args.archs, args.precisions))
    variants = 5 if args.compile else 3
    rows: list[Row] = []
    total = len(settings) * variants * (UNTIMED_ROUNDS + args.repeats)
    with turns(total) as begin:
        for arch, precision in settings:
            size = SIZES[arch]
            if args.batch_size:
                size = replace(size, batch=args.batch_size)
            device = torch.device(args.device)
            rows += measure(size, precision, device, args.repeats, args.compile, begin)
            write_csv(rows, args.out)
    show(rows)
    print(f'Written to {args.out}')


if __name__ == '__main__':
    main()
