"""What a tracker costs beside its encoder, one sequence at a time.

    python tools/benchmarks/tracking_speed.py                  # minutes on two cores
    python tools/benchmarks/tracking_speed.py --device cuda --frames 50
    python tools/benchmarks/tracking_speed.py CONFIG --rounds 5

Random weights and a frame of 1280 x 720 pixels, without reading files. For each config:

- ``encoder``: what the tracker cannot do without. In one stream that is the ViT over
  the tokens of template and search window, in two streams the encoder over the search
  window alone, since the template's tokens are kept.
- ``encoder again``: the same code, so that its ratio to ``encoder`` is noise.
- ``tracker``: from a frame to a box in it. The goal is 1.25 times the encoder or less.
- ``crop``, ``encoder in it``, ``fusion``, ``head``, ``box and back``: what that is made
  of, by stopwatches around these parts. The sum of their times is a little more than
  that of the tracker: on an accelerator each of them is waited for.

Variants take turns, round by round in a new order, in one process. Ratios are medians
of per-round ratios, with their quartiles: of the time by the clock and, on a CPU, of
this process's processor time, which other programs on the machine change less. Matrix
arithmetic is counted, and the same on every machine.
"""

import argparse
import os
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# Before torch starts its threads, which otherwise spin while they wait.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
import torch
from rich import box
from rich.console import Console
from rich.table import Table
from step_measures import device_name, quartiles_of_ratios
from tracking_lanes import ENCODER, TRACKER, AtWork, Lane, Lanes
from turns import turns, write_csv

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
# ViT-B at 256 px, SwinV2-B and -L at 384 px, and what the playground has of both kinds.
DEFAULTS = (
    'mae/tracking/vit-base-p16_one-stream_*_lasot-got10k-trackingnet-coco-256px.py',
    'simmim/tracking/swinv2-base-w12_two-stream_*_lasot-got10k-trackingnet-coco-384px.py',
    'simmim/tracking/swinv2-large-w12_two-stream_*_lasot-got10k-trackingnet-coco-384px.py',
    'playground/*_one-stream_*_playground-lasot-*.py',
    'playground/*_two-stream_*_playground-lasot-*.py',
)
GOAL = 1.25


@dataclass
class Row:
    """One variant: a line of the CSV."""

    config: str
    variant: str
    part: bool  # of the tracker
    milliseconds: float
    frames_per_second: float
    times_encoder: float
    times_encoder_q1: float
    times_encoder_q3: float
    times_encoder_by_processor: float | None
    gflop: float
    goal: str
    batch: int
    rounds: int
    frames_per_round: int
    device: str
    cores: int
    threads: int
    omp_wait_policy: str
    torch: str


def measure(lanes: dict[str, Lanes], rounds: int) -> None:
    """All variants of all trackers in turns; the first round warms up and does not count."""
    todo = [(config, name) for config, one in lanes.items() for name in one.names]
    order = random.Random(0)
    with turns((1 + rounds) * len(todo)) as begin:
        for number in range(1 + rounds):
            order.shuffle(todo)  # nobody always runs after the same other one
            for config, name in todo:
                begin(f'{config[:30]}: {name}')
                lanes[config].turn(name)
            if number == 0:
                for one in lanes.values():
                    one.forget()


def summarise(config: str, lanes: Lanes) -> list[Row]:
    device = lanes.tracked.device
    encoder = lanes.wholes[ENCODER]
    setting = dict(
        batch=1,
        rounds=len(encoder.seconds),
        frames_per_round=lanes.frames,
        device=device_name(device),
        cores=os.cpu_count() or 1,
        threads=torch.get_num_threads(),
        omp_wait_policy=os.environ['OMP_WAIT_POLICY'],
        torch=torch.__version__,
    )
    return [
        _row(config, name, lane, encoder, device.type == 'cpu', name in lanes.parts, setting)
        for name, lane in {**lanes.wholes, **lanes.parts}.items()
        if any(lane.seconds)  # there is no fusion in one stream
    ]


def _row(
    config: str, name: str, lane: Lane, encoder: Lane, on_cpu: bool, part: bool, setting: dict
) -> Row:
    seconds = statistics.median(lane.seconds)
    low, middle, high = quartiles_of_ratios(lane.seconds, encoder.seconds)
    by_processor = quartiles_of_ratios(lane.processor, encoder.processor)[1] if on_cpu else None
    return Row(
        config=config,
        variant=name,
        part=part,
        milliseconds=round(1e3 * seconds, 4),
        frames_per_second=round(1 / seconds, 3),
        times_encoder=middle,
        times_encoder_q1=low,
        times_encoder_q3=high,
        times_encoder_by_processor=by_processor,
        gflop=round(lane.gflop, 4),
        goal=f'times <= {GOAL}' if name == TRACKER else '',
        **setting,
    )


def show(rows: Sequence[Row]) -> None:
    first = rows[0]
    table = Table(
        title=f'Trackers beside their encoders, {first.device}, {first.threads} threads, '
        f'torch {first.torch}, median of {first.rounds} rounds of {first.frames_per_round}',
        caption='times encoder: quartiles in brackets; then by processor time',
        box=box.SIMPLE_HEAD,
    )
    table.add_column('')
    for column in ('ms', 'frames/s', 'times encoder', 'GFLOP'):
        table.add_column(column, justify='right', no_wrap=True)
    table.add_column('goal')
    for row, after in zip(rows, [*rows[1:], rows[0]]):
        if row.variant == ENCODER:
            table.add_row(f'[bold]{row.config}')
        by_processor = row.times_encoder_by_processor
        table.add_row(
            f'{"    " if row.part else "  "}{row.variant}',
            f'{row.milliseconds:.2f}',
            '' if row.part else f'{row.frames_per_second:.2f}',
            f'{row.times_encoder:.2f} ({row.times_encoder_q1:.2f}-{row.times_encoder_q3:.2f})'
            + ('' if by_processor is None else f' {by_processor:.2f}'),
            f'{row.gflop:.2f}',
            row.goal,
            end_section=after.variant == ENCODER,
        )
    Console(width=120).print(table)


def default_configs() -> list[Path]:
    return [path for pattern in DEFAULTS for path in sorted(CONFIGS.glob(pattern))]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description='Time trackers beside their encoders')
    parser.add_argument('configs', nargs='*', default=default_configs())
    parser.add_argument('--rounds', type=int, default=7)
    parser.add_argument('--frames', type=int, default=2, help='in a round of each variant')
    parser.add_argument('--device', choices=('cpu', 'cuda'), default='cpu')
    parser.add_argument('--out', type=Path, default=Path('work_dirs/benchmarks/tracking_speed.csv'))
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    torch.manual_seed(0)
    device = torch.device(args.device)
    lanes = {
        Path(config).stem: Lanes(AtWork(config, device), args.frames) for config in args.configs
    }
    measure(lanes, args.rounds)
    rows = [row for config, one in lanes.items() for row in summarise(config, one)]
    write_csv(rows, args.out)
    show(rows)
    print(f'Written to {args.out}')


if __name__ == '__main__':
    main()
