"""What a checkpoint is worth in every task: the study, carried on downstream.

    python tools/benchmarks/transfer.py --dry-run       # the plan, and how long it takes
    python tools/benchmarks/transfer.py --jobs 2        # everything, three seeds: hours
    python tools/benchmarks/transfer.py --seeds 0 --tasks pose crowd  # and what they need
    python tools/benchmarks/transfer.py --keep          # and copy the table for the docs

Takes what the study (`make study`) has trained and measured, from the same work directory,
and does what is not there yet. Each start of an encoder (from scratch, supervised, MAE, MFF)
is trained on instances, semantic maps, poses, depth and tracks of the playground, with the
same seed that it was pre-trained with; nothing but `--pretrained` differs between them. The
tracker with two streams has a SwinV2, from scratch, supervised or by SimMIM, with MFF's
fusion and without. Every stage is an ordinary command; what is finished is not run again,
and a run that was stopped goes on.

`transfer.csv` has a row for each measure, start and seed, and names the log that it was
read from.
"""

import argparse
import csv
import json
import os
from collections.abc import Iterator
from pathlib import Path

# Before torch starts its threads: those that wait should sleep.
os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')

import mim_secrets  # noqa: F401  first: it makes torchvision importable beside any torch

# isort: split
from long_runs import add_flags, carry_out, keep, road, show_plan
from rich.console import Console
from rich.table import Table
from transfer_list import COLUMNS, RUNS, STARTS, STUDY, list_stages

from mim_secrets.visualization.report import Records, Stage
from mim_secrets.visualization.report.logs import Run, Summary

WORK_DIR, SMALL_LOGS = Path(STUDY.work_dir), Path('docs/en/transfer')
TABLES = ('transfer.csv', 'transfer.json')
FRACTIONS = ('AP', 'd1')  # how keys of what is logged as a share of one end


class Comparison:
    """The stages of all seeds that are known, and what they have reached."""

    def __init__(self, work_dir: Path, seeds: list[int]) -> None:
        self.work_dir, self.seeds = work_dir, seeds
        earlier = [int(path.name.removeprefix('seed')) for path in work_dir.glob('seed[0-9]*')]
        self.known = sorted({*seeds, *earlier})
        self.stages = {stage.name: stage for stage in list_stages(work_dir, self.known)}
        self.records = Records(work_dir, list(self.stages.values()))

    def chosen(self, runs: list[str]) -> list[Stage]:
        """Runs of the seeds that were asked for, and whatever comes before them."""
        waiting = [f'seed{s}-{start}-{run}' for s in self.seeds for start in STARTS for run in runs]
        waiting = [name for name in waiting if name in self.stages]
        names = set()
        while waiting:
            names.add(name := waiting.pop())
            waiting += self.stages[name].needs
        return [stage for name, stage in self.stages.items() if name in names]

    def record(self, seed: int, start: str, run: str) -> dict:
        """What is known of a finished run, else nothing."""
        stage = self.stages.get(f'seed{seed}-{start}-{run}')  # not every start has every run
        record = self.records.read(stage) if stage else {}
        return record if record.get('finished') else {}

    def rows(self) -> Iterator[dict]:
        """A row for each value, in percent, as classifiers log it."""
        for seed in self.known:
            for start in STARTS:
                for title, run, key in COLUMNS:
                    if not self.record(seed, start, run):
                        continue
                    found = Run(self.work_dir / f'seed{seed}' / start / run).last(key)
                    percent = found.number * (100 if key.endswith(FRACTIONS) else 1)
                    yield dict(
                        start=start,
                        measure=title,
                        seed=seed,
                        value=f'{percent:.2f}',
                        file=found.source.relative_to(self.work_dir).as_posix(),
                    )

    def write(self, console: Console) -> None:
        """Write down every finished run, of whatever task."""
        rows = list(self.rows())
        if not rows:
            return
        with (self.work_dir / 'transfer.csv').open('w', newline='') as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
            writer.writeheader()
            writer.writerows(rows)
        every = [(seed, start, run) for seed in self.known for start in STARTS for run in RUNS]
        kept = ('title', 'command', 'seconds', 'starts', 'machine')
        stages = [
            {key: record[key] for key in kept} for which in every if (record := self.record(*which))
        ]
        (self.work_dir / 'transfer.json').write_text(json.dumps(stages, indent=1) + '\n')
        console.print(table(rows))
        console.print(f'Tables: {self.work_dir}', highlight=False, soft_wrap=True)


def table(rows: list[dict]) -> Table:
    """For the console: means over the seeds that are finished, a line for each measure."""
    table = Table(title='percent, means over seeds')
    table.add_column('')
    for title in STARTS.values():
        table.add_column(title, justify='right')
    for column in COLUMNS:
        own = [row for row in rows if row['measure'] == column.title]
        cells = []
        for start in STARTS:
            values = [float(row['value']) for row in own if row['start'] == start]
            cells.append(f'{Summary(values)} ({len(values)})' if values else '–')
        if own:
            table.add_row(column.title, *cells)
    return table


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--tasks', nargs='+', choices=RUNS, default=RUNS)
    add_flags(parser, WORK_DIR, SMALL_LOGS)
    return parser.parse_args()


def run(args: argparse.Namespace, console: Console) -> None:
    comparison = Comparison(args.work_dir or WORK_DIR, args.seeds)
    stages = comparison.chosen(args.tasks)
    if args.dry_run:
        show_plan(stages, comparison.records, console, args.jobs)
        return
    try:
        road(stages, comparison.records, console, args.jobs).run()
    finally:
        comparison.write(console)
    if args.keep:
        keep(comparison.work_dir, SMALL_LOGS, TABLES, console)


if __name__ == '__main__':
    carry_out(run, parse_args())
